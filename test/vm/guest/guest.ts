/** What a case is, and what it has in its hands. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunningProcess } from '../../../cli/namespaces/process.js';
import type { InjectedConnection, InjectedConnectionOptions } from '../../support/injected-connection.js';
import type { Injector } from '../../support/injector.js';
import { runShell } from '../../support/run-shell.js';
import type { Parameters, ToaModule } from './toa-module.js';
import { BALANCERS, layWire, SERVER } from './wire.js';
import { type Accepted, type ListenOptions, Witness } from './witness.js';

/** Seconds that a program may take to start: a guest on a slow machine may need minutes. */
const STARTING = 240;

/** Something that must be so in every kernel. */
export interface Case {
  /** A sentence of behavior. */
  readonly name: string;
  /** Why it cannot be so in this kernel; undefined where it can. */
  readonly unless?: (guest: Guest) => string | undefined;
  /** Seconds that it may take; 120 without it. Far more than it takes: the machine may have much else to do. */
  readonly patience?: number;
  /** What it answers, if anything, is for `judge`. */
  readonly run: (guest: Guest) => Promise<unknown>;
  /**
   * What needs no real kernel is done outside, where it is quick: looks at what `run` has answered in the guest, as JSON
   * leaves it, and throws where something is wrong.
   */
  readonly judge?: (evidence: unknown) => void;
}

export interface Connected extends Accepted {
  readonly client: InjectedConnection;
}

type Cleanup = () => unknown;

/** A program with sockets and a wire to it. */
export class Site {
  readonly witness: Witness;
  readonly wire: Injector;
  readonly #cleanups: Cleanup[];

  constructor(witness: Witness, wire: Injector, cleanups: Cleanup[] = []) {
    this.witness = witness;
    this.wire = wire;
    this.#cleanups = cleanups;
  }

  /** To be done when the case has ended, in whatever way; last things first. */
  afterwards(cleanup: Cleanup): void {
    this.#cleanups.push(cleanup);
  }

  /** A listener of the witness, on a port on which nothing was before. */
  async listen(family: 4 | 6, how: ListenOptions = {}): Promise<{ listener: number; port: number }> {
    const port = freshPort();
    return { listener: await this.witness.listen(family, port, how), port };
  }

  /** Starts a connection from the wire; says when it is open. */
  async connect(to: string, options: InjectedConnectionOptions = {}): Promise<InjectedConnection> {
    const client = this.start(to, options);
    await within(30, `${client.name} to ${to}`, once(client, 'connect'));
    return client;
  }

  /** Starts a connection, and does not wait for it. */
  start(to: string, options: InjectedConnectionOptions = {}): InjectedConnection {
    const client = this.wire.connect(to, options);
    client.on('error', () => undefined);
    client.resume();
    this.afterwards(() => client.destroy());
    return client;
  }

  /** A connection to a listener of the witness, accepted. `over` is the family of the packets. */
  async join(
    { listener, port }: { listener: number; port: number },
    over: 4 | 6,
    options: InjectedConnectionOptions = {},
  ): Promise<Connected> {
    const client = await this.connect(`${SERVER[over]}:${port}`, options);
    return { client, ...(await this.witness.accept(listener)) };
  }
}

/** The guest's own network namespace, its kernel, and the module. */
export class Guest extends Site {
  readonly module: ToaModule;
  /** The version as a number: 5010 is 5.10. */
  readonly kernel: number;
  readonly #cleanups: Cleanup[];

  constructor(parts: { module: ToaModule; witness: Witness; wire: Injector; kernel: number }) {
    const cleanups: Cleanup[] = [];
    super(parts.witness, parts.wire, cleanups);
    this.#cleanups = cleanups;
    this.module = parts.module;
    this.kernel = parts.kernel;
  }

  /** Loads the module, believing the wire's balancers unless told otherwise. */
  load(parameters: Parameters = {}): void {
    this.module.load({ trusted: BALANCERS, ...parameters });
  }

  /** Sets a sysctl until the case has ended. */
  sysctl(path: string, value: string | number): void {
    const file = `/proc/sys/${path}`;
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${value}`);
    this.afterwards(() => writeFileSync(file, before));
  }

  /** A network namespace of that name, with a wire and a witness of its own. */
  namespace(name: string): Site {
    runShell(`ip netns add ${name}`);
    const witness = new Witness(name);
    const wire = layWire(name);
    this.afterwards(() => {
      witness.end();
      wire.close();
      runShell(`ip netns delete ${name}`);
    });
    return new Site(witness, wire);
  }

  /** Starts a program and waits for the line that says that it is ready; it is killed when the case has ended. */
  async program(command: readonly string[], ready: RegExp): Promise<RunningProcess> {
    const running = new RunningProcess(command[0]!, command.slice(1));
    this.afterwards(() => running.stop('SIGKILL'));
    await within(STARTING, command.join(' '), running.line(ready, 1000 * STARTING));
    return running;
  }

  /** Undoes what the case has done; answers what could not be undone. */
  async cleanUp(): Promise<string[]> {
    const failures: string[] = [];
    for (const cleanup of this.#cleanups.splice(0).reverse()) {
      try {
        await cleanup();
      } catch (error) {
        failures.push(String(error));
      }
    }
    return failures;
  }
}

let ports = 1000;

/** A port on which nothing was before. */
export function freshPort(): number {
  return ports++;
}

/** What `promise` becomes, unless that takes too many seconds. */
export async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const late = sleep(1000 * seconds, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`${what}: not within ${seconds} seconds`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    limit.abort();
  }
}

/** Waits until `look` answers true; throws with `what` when that takes too long. */
export async function until(
  what: string,
  look: () => boolean | Promise<boolean>,
  seconds = 45,
): Promise<void> {
  const deadline = Date.now() + 1000 * seconds;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} seconds`);
    await sleep(20);
  }
}
