/** Lines for standard output that may come by the thousand: they are written when the event loop gets its turn. */
export class Lines {
  #waiting: string[] = [];

  add(line: string): void {
    if (this.#waiting.push(line) === 1) setImmediate(() => this.flush());
  }

  /** Writes what waits. To be called before the end. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const text = `${this.#waiting.join('\n')}\n`;
    this.#waiting = [];
    process.stdout.write(text);
  }
}
