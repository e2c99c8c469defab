/** A named pipe, open at both ends: a file descriptor that can be polled without any right. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Fifo {
  readonly #folder = mkdtempSync(join(tmpdir(), 'toa-fifo-'));
  readonly path = join(this.#folder, 'fifo');
  readonly fd: number;

  constructor() {
    execFileSync('mkfifo', [this.path]);
    this.fd = openFifo(this.path);
  }

  /** Makes it readable. */
  write(text = '.'): void {
    writeSync(this.fd, text);
  }

  /** Reads what is there, at most 100 bytes. */
  read(): string {
    const buffer = Buffer.alloc(100);
    return buffer.toString('latin1', 0, readSync(this.fd, buffer));
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    rmSync(this.#folder, { recursive: true });
  }
}

/** Opens a named pipe for reading and writing, so that neither waits for the other. */
export function openFifo(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}
