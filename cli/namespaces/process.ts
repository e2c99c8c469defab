import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { ToaError } from '../../lib/errors.js';

/** How a process ended: one of the two is null. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** What a finished process left: how it ended and all that it wrote. */
export interface Finished extends Ending {
  stdout: Buffer;
  stderr: string;
}

/** A running process whose output is kept in memory, and which can be waited for line by line. */
export class RunningProcess {
  readonly child: ChildProcess;
  readonly #line: string;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #finished: Promise<Finished>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#line = [command, ...args].join(' ');
    // In a session of its own: Ctrl-C is for us, and we end our processes in order.
    this.child = spawn(command, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    // A child that ends without reading its input is not our error.
    this.stdin.on('error', () => {});
    this.child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.#finished = once(this.child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
    // Whoever waits sees the failure to start; without a waiter it must not end the whole program.
    this.#finished.catch(() => {});
  }

  get stdin(): Writable {
    return this.child.stdin as Writable;
  }

  /** Everything written to standard output so far. */
  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  /** Everything written to standard error so far. */
  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** Resolves when the process has ended and all of its output is here; never rejects for a bad exit code. */
  finished(): Promise<Finished> {
    return this.#finished;
  }

  /**
   * Waits until a line that matches has been written to standard output or standard error, and returns it.
   * @throws ToaError ERR_TOA_PROCESS when the process ends, or `timeout` milliseconds pass, before that
   */
  line(pattern: RegExp, timeout = 15_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const search = () => {
        const found = `${this.stdout}\n${this.stderr}`.split('\n').find((line) => pattern.test(line));
        if (found !== undefined) settle(() => resolve(found));
      };
      const fail = (why: string) =>
        settle(() => reject(new ToaError('ERR_TOA_PROCESS', `\`${this.#line}\` ${why}\n${this.stderr}`)));
      const ended = () => {
        search();
        fail(`ended before it printed ${pattern}`);
      };
      const timer = setTimeout(() => fail(`has not printed ${pattern} for ${timeout} ms`), timeout);
      const settle = (result: () => void) => {
        clearTimeout(timer);
        this.child.stdout?.off('data', search);
        this.child.stderr?.off('data', search);
        this.child.off('close', ended);
        result();
      };
      this.child.stdout?.on('data', search);
      this.child.stderr?.on('data', search);
      this.child.on('close', ended);
      if (this.child.exitCode !== null || this.child.signalCode !== null) this.#finished.then(ended, ended);
      search();
    });
  }

  /** Asks the process to end and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal);
    return this.#finished;
  }
}
