/**
 * Weighted round robin as a board: a row for each weight that is asked for, the highest on top, and in each row every
 * real server. A piece moves on from field to field, from the last one to the first, and stops where the weight is
 * enough.
 */
export interface WeightedServer {
  readonly weight: number;
  readonly overloaded: boolean;
}

export class WeightedRoundRobinModel<Server extends WeightedServer> {
  #servers: readonly Server[] = [];
  /** What is asked for in each row: the highest weight or somewhat less, and so on down to 1. */
  #rows: number[] = [];
  #row = 0;
  /** -1 before the first. */
  #column = -1;

  update(servers: readonly Server[]): void {
    const before = this.#rows[this.#row] ?? 0;
    const weights = servers.map((server) => server.weight).filter((weight) => weight > 0);
    const most = Math.max(0, ...weights);
    let step = most;
    while (step > 1 && weights.some((weight) => weight % step !== 0)) step--;
    this.#servers = servers;
    this.#rows = Array.from({ length: most / step || 0 }, (_, i) => most - (step - 1) - i * step);
    this.#column = -1;
    const wanted = step > 1 ? Math.floor(before / step) * step + 1 : before;
    this.#row = before === 0 || before > (this.#rows[0] ?? 0) ? 0 : this.#rows.indexOf(wanted);
  }

  schedule(): Server | undefined {
    const began = { row: this.#row, column: this.#column };
    const last = this.#rows.length - 1;
    for (let moves = 0; moves < this.#rows.length * this.#servers.length; moves++) {
      if (this.#column + 1 === this.#servers.length) {
        this.#column = -1;
        this.#row = this.#row === last ? 0 : this.#row + 1;
      }
      this.#column++;
      const server = this.#servers[this.#column]!;
      if (!server.overloaded && server.weight >= this.#rows[this.#row]!) return server;
    }
    // Nobody: the piece stays where it began if that was in the midst of the last row, else it is at the beginning.
    const stays = began.row === last && began.column !== -1;
    this.#row = stays ? began.row : 0;
    this.#column = stays ? began.column : -1;
    return undefined;
  }
}
