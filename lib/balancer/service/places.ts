/** Things by position: a position is kept for as long as its thing is, and then given to another. */
export class Places<Thing> {
  /** By position; undefined where the place is free. */
  readonly things: (Thing | undefined)[] = [];
  readonly #free: number[] = [];

  /** @param make gets the position */
  add<Kind extends Thing>(make: (index: number) => Kind): Kind {
    const index = this.#free.pop() ?? this.things.length;
    const thing = make(index);
    this.things[index] = thing;
    return thing;
  }

  /** Frees the position of a thing. */
  remove(index: number): void {
    this.things[index] = undefined;
    this.#free.push(index);
  }
}
