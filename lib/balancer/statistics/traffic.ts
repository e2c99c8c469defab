/** What is counted of a real server, a service and the whole balancer, in the order of ipvsadm's columns. */
export const CONNECTIONS = 0;
export const PACKETS_IN = 1;
export const PACKETS_OUT = 2;
export const BYTES_IN = 3;
export const BYTES_OUT = 4;
export const FIELDS = 5;

const PLACES = 65_536;

/**
 * Counts of every real server, in one array by its position: the packet path adds here and nowhere else. What services
 * and the whole have is the sum of theirs.
 */
export class Traffic {
  readonly #values = new Float64Array(PLACES * FIELDS);

  add(server: number, field: number, amount: number): void {
    this.#values[server * FIELDS + field]! += amount;
  }

  /** Adds a real server's counts to `totals`. */
  sum(server: number, totals: Float64Array): void {
    const at = server * FIELDS;
    for (let field = 0; field < FIELDS; field++) totals[field]! += this.#values[at + field]!;
  }

  /** A position gets another real server. */
  clear(server: number): void {
    this.#values.fill(0, server * FIELDS, (server + 1) * FIELDS);
  }
}
