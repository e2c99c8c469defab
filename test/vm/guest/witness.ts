import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../../lib/native.js';

/** What an error of a system call is called when the witness meets it: `EINVAL`. */
export class WitnessError extends Error {}

export interface ListenOptions {
  readonly mptcp?: boolean;
  /** IPV6_V6ONLY */
  readonly only?: 0 | 1;
  /** TCP_DEFER_ACCEPT, seconds */
  readonly defer?: number;
  readonly backlog?: number;
  /** TCP_FASTOPEN, length of the queue */
  readonly fastopen?: number;
  /** TCP_SAVE_SYN */
  readonly save_syn?: 0 | 1;
  /** Of accept, seconds. */
  readonly timeout?: number;
}

/** An accepted connection, as accept() and getpeername() described it. */
export interface Accepted {
  readonly fd: number;
  readonly accepted: string;
  readonly peer: string;
}

/** An unmodified program with sockets, written in Python, that does what it is told and says what it sees. */
export class Witness {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #asked = 0;

  /** In a network namespace by name, or where this process is. */
  constructor(namespace?: string) {
    const program = ['/usr/bin/python3', join(packageRoot, 'test/vm/programs/witness.py')];
    const command = namespace === undefined ? program : ['ip', 'netns', 'exec', namespace, ...program];
    this.#child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#child.stdout!).on('line', (line) => {
      const [id, verdict, value] = JSON.parse(line) as [number, string, unknown];
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (verdict === 'ok') waiting?.resolve(value);
      else waiting?.reject(new WitnessError(String(value)));
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the witness has ended'));
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  ask<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    const id = this.#asked++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.stdin!.write(`${JSON.stringify([id, name, ...args])}\n`);
    });
  }

  listen(family: 4 | 6, port: number, how: ListenOptions = {}): Promise<number> {
    return this.ask('listen', family, family === 6 ? '::' : '0.0.0.0', port, how);
  }

  accept(listener: number): Promise<Accepted> {
    return this.ask('accept', listener);
  }

  peer(fd: number): Promise<string> {
    return this.ask('peer', fd);
  }

  /**
   * The bytes that a socket option answers for a buffer of that length, or the name of its error. The buffer begins with
   * the bytes given, and is full of ee behind them.
   */
  async option(
    fd: number,
    level: number,
    name: number,
    length: number,
    given: Uint8Array = new Uint8Array(),
  ): Promise<Uint8Array | string> {
    try {
      const hex = Buffer.from(given).toString('hex');
      return Buffer.from(await this.ask<string>('get', fd, level, name, length, hex), 'hex');
    } catch (error) {
      if (error instanceof WitnessError) return error.message;
      throw error;
    }
  }

  setOption(fd: number, level: number, name: number, value: Uint8Array): Promise<void> {
    return this.ask('set', fd, level, name, Buffer.from(value).toString('hex'));
  }

  /** Closes all its sockets. */
  reset(): Promise<void> {
    return this.ask('reset');
  }

  end(): void {
    this.#child.kill();
  }
}
