/** What a case is, and what it has in its hands. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InjectedConnection, InjectedConnectionOptions } from '../../support/injected-connection.js';
import type { Injector } from '../../support/injector.js';
import type { Parameters, ToaModule } from './toa-module.js';
import { BALANCERS, SERVER } from './wire.js';
import type { Accepted, ListenOptions, Witness } from './witness.js';

/** Something that must be so in every kernel. */
export interface Case {
  /** A sentence of behavior. */
  readonly name: string;
  /** Why it cannot be so in this kernel; undefined where it can. */
  readonly unless?: (guest: Guest) => string | undefined;
  /** Seconds that it may take; 40 without it. */
  readonly patience?: number;
  readonly run: (guest: Guest) => Promise<void>;
}

export interface Connected extends Accepted {
  readonly client: InjectedConnection;
}

type Cleanup = () => unknown;

export class Guest {
  readonly module: ToaModule;
  readonly witness: Witness;
  readonly wire: Injector;
  /** 5.1 for 5.10, 5.010: as a number that can be compared, 5010. */
  readonly kernel: number;
  readonly #cleanups: Cleanup[] = [];
  #ports = 1000;

  constructor(parts: { module: ToaModule; witness: Witness; wire: Injector; kernel: number }) {
    this.module = parts.module;
    this.witness = parts.witness;
    this.wire = parts.wire;
    this.kernel = parts.kernel;
  }

  /** Loads the module, believing the wire's balancers unless told otherwise. */
  load(parameters: Parameters = {}): void {
    this.module.load({ trusted: BALANCERS, ...parameters });
  }

  /** To be done when the case has ended, in whatever way; last things first. */
  afterwards(cleanup: Cleanup): void {
    this.#cleanups.push(cleanup);
  }

  /** Sets a sysctl until the case has ended. */
  sysctl(path: string, value: string | number): void {
    const file = `/proc/sys/${path}`;
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${value}`);
    this.afterwards(() => writeFileSync(file, before));
  }

  /** A port on which nothing was before. */
  freshPort(): number {
    return this.#ports++;
  }

  /** A listener of the witness and its port. */
  async listen(family: 4 | 6, how: ListenOptions = {}): Promise<{ listener: number; port: number }> {
    const port = this.freshPort();
    return { listener: await this.witness.listen(family, port, how), port };
  }

  /** Starts a connection from the wire; says when it is open. */
  async connect(to: string, options: InjectedConnectionOptions = {}): Promise<InjectedConnection> {
    const client = this.start(to, options);
    await within(5, `${client.name} to ${to}`, once(client, 'connect'));
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
  seconds = 15,
): Promise<void> {
  const deadline = Date.now() + 1000 * seconds;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} seconds`);
    await sleep(20);
  }
}
