import { Random } from '../../support/random.js';
import { INSIDE } from '../../support/topology.js';
import {
  type Balancing,
  type Change,
  type Joining,
  type Passed,
  type ServiceUnderTest,
  serverOf,
  serviceText,
  topologyOf,
  wideDestination,
} from './balancing.js';
import type { Recording, Step } from './recording.js';
import { linkOf, SegmentWriter } from './segment-writer.js';

/** How many connections a script opens, and whereof it draws. */
const CONNECTIONS = 300;
const CLIENTS = 96;
/** Clients of one network, where these are what is remembered. */
const HOSTS = 4;
const DESTINATIONS = 96;
const SERVERS = 8;
const SERVERS_AT_FIRST = 6;
/** A script in which so many are refused is none. */
const REFUSALS = 2 * CONNECTIONS;

/** Who sends, and the flags. */
type Segments = readonly (readonly [from: 'client' | 'server', flags: string])[];

/** How a connection begins. */
const BEGINNINGS: Readonly<Record<'tcp' | 'udp', Segments>> = {
  tcp: [
    ['client', 'S'],
    ['server', 'SA'],
    ['client', 'A'],
  ],
  udp: [
    ['client', ''],
    ['server', ''],
  ],
};

/** Ways to end an established connection. */
const ENDINGS = {
  clientCloses: [
    ['client', 'FA'],
    ['server', 'FA'],
    ['client', 'A'],
  ],
  serverCloses: [
    ['server', 'FA'],
    ['client', 'FA'],
    ['server', 'A'],
  ],
  clientClosesHalf: [
    ['client', 'FA'],
    ['server', 'A'],
  ],
  serverClosesHalf: [
    ['server', 'FA'],
    ['client', 'A'],
  ],
  clientResets: [['client', 'RA']],
  serverResets: [['server', 'RA']],
} satisfies Record<string, Segments>;
/** After these a SYN on the connection gets a real server anew (conn_reuse_mode: TIME_WAIT and CLOSE). */
const RENEWABLE: readonly string[] = ['clientCloses', 'serverCloses', 'clientResets', 'serverResets'];
const ENDING_SHARES = {
  ...{ clientCloses: 4, serverCloses: 4, clientClosesHalf: 1, serverClosesHalf: 1 },
  ...{ clientResets: 1, serverResets: 1 },
};

/**
 * Seconds after which Linux forgets a connection, in its states that no setting prolongs: after a reset, and of the
 * others the shortest (ip_vs_proto_tcp.c). A script must be over before that, or it is void.
 */
const CLOSE_TIMEOUT = 10;
const OTHER_TIMEOUT = 60;
/** With how many connections left to open resets begin, at first: what they end is soon forgotten. */
const RESETS = 100;

interface Connection {
  readonly client: string;
  readonly clientPort: number;
  /** How many connections from this port went before it. */
  readonly before: number;
  readonly destination: string;
  readonly server: number;
  /** Segments of its beginning that have passed. */
  begun: number;
  /** Whether a SYN makes another of it, now that it is over. */
  readonly isRenewable: boolean;
}

export interface ScriptOptions {
  readonly service: ServiceUnderTest;
  readonly seed: number;
  /** Weights are drawn from 1 to this. */
  readonly heaviest: number;
  /** How often the guest was too slow before: resets come later each time, so that less is to be done before Linux forgets. */
  readonly slow: number;
}

/**
 * A random script: connections are opened, held and closed, while real servers come and go and change. Plays it on Linux
 * and writes down what happens; undefined where the guest was too slow, so that connections may have expired.
 */
export function record(linux: Balancing, options: ScriptOptions): Recording | undefined {
  return new Script(linux, options).play();
}

class Script {
  readonly #linux: Balancing;
  readonly #options: ScriptOptions;
  readonly #service: ServiceUnderTest;
  readonly #writer: SegmentWriter;
  readonly #random: Random;
  readonly #clients: readonly string[];
  readonly #steps: Step[] = [];
  /** The real servers in the list, and the connections that may go on. */
  readonly #servers = new Map<number, Joining>();
  readonly #live: Connection[] = [];
  /** Those that are over, as long as nobody has forgotten them. */
  readonly #over: Connection[] = [];
  #opened = 0;
  #refused = 0;
  /** The real server of the newest connection. */
  #latest = 0;
  /** When the first connection may have expired. */
  #deadline = performance.now() + 1000 * OTHER_TIMEOUT;

  constructor(linux: Balancing, options: ScriptOptions) {
    this.#linux = linux;
    this.#options = options;
    this.#service = options.service;
    this.#writer = new SegmentWriter(options.service);
    this.#random = new Random(options.seed);
    this.#clients = this.#drawClients();
  }

  play(): Recording | undefined {
    for (let server = 0; server < SERVERS_AT_FIRST; server++) this.#change(this.#drawJoining('add', server));
    while (this.#opened < CONNECTIONS && !this.#isLate) this.#step();
    this.#noteLoads();
    if (this.#isLate) return undefined;
    return { service: this.#service, seed: this.#options.seed, steps: this.#steps };
  }

  get #isLate(): boolean {
    return performance.now() > this.#deadline;
  }

  #step(): void {
    const step = this.#random.weighted({ open: 60, end: 25, goOn: 9, openAgain: 8, change: 6 });
    if (step === 'open') this.#open();
    else if (step === 'end') this.#end();
    else if (step === 'openAgain') this.#openAgain();
    else if (step === 'goOn') this.#goOn();
    else this.#change(this.#drawChange());
  }

  /** The first packet of a new connection, and most times the rest of its beginning. */
  #open(): void {
    const { family, isWide } = this.#service;
    const target = {
      client: this.#random.pick(this.#clients),
      clientPort: 10_000 + this.#opened + this.#refused,
      before: 0,
      destination: isWide
        ? wideDestination(family, 577 * this.#random.below(DESTINATIONS))
        : topologyOf(family).vip,
    };
    const connection = this.#begin({ ...target, server: -1, begun: 0, isRenewable: false });
    if (connection === undefined) {
      this.#refused++;
      if (this.#refused > REFUSALS) throw new Error(`Linux refuses too much: ${this.#name}`);
      return;
    }
    this.#opened++;
    const further = this.#random.weighted({ 0: 2, 1: 1, 2: 7 });
    for (let i = 0; i < Number(further) && !this.#hasBegun(connection); i++) this.#goOnBeginning(connection);
  }

  /** Its first packet; undefined where that is refused. */
  #begin(connection: Connection): Connection | undefined {
    const { link, packet } = this.#send(connection, ...this.#beginning[0]!);
    if (link !== INSIDE) return undefined;
    const begun = { ...connection, server: serverOf(packet), begun: 1 };
    this.#latest = begun.server;
    this.#live.push(begun);
    return begun;
  }

  /** A SYN on a connection that is over. */
  #openAgain(): void {
    // Those that are not renewable go on with their real server, to which nothing goes when it is not in the list.
    const candidates = this.#over.filter((one) => one.isRenewable || this.#servers.has(one.server));
    if (candidates.length === 0) return;
    const old = this.#random.pick(candidates);
    this.#over.splice(this.#over.indexOf(old), 1);
    const before = this.#load - Number(this.#servers.has(old.server));
    const server = old.isRenewable ? -1 : old.server;
    const begun = this.#begin({ ...old, before: old.before + 1, server, begun: 0 });
    // Linux forgets the old one a moment later, and the story must not depend on when.
    const after = before + (begun === undefined ? 0 : 1);
    while (this.#load !== after) if (this.#isLate) return;
  }

  /** The connections of all real servers in the list. */
  get #load(): number {
    return this.#linux.loads().reduce((sum, { active, inactive }) => sum + active + inactive, 0);
  }

  get #beginning(): Segments {
    return BEGINNINGS[this.#service.protocol];
  }

  #hasBegun({ begun }: Connection): boolean {
    return begun === this.#beginning.length;
  }

  /** The next packet of its beginning. */
  #goOnBeginning(connection: Connection): void {
    this.#send(connection, ...this.#beginning[connection.begun]!);
    connection.begun++;
  }

  /** Something happens to a connection that is not its end: it goes on beginning, its first packet comes again, data come. */
  #goOn(): void {
    const connection = this.#drawLive();
    if (connection === undefined) return;
    const isAgain = connection.begun === 1 && this.#random.below(3) === 0;
    if (this.#hasBegun(connection)) this.#send(connection, 'client', this.#isUdp ? '' : 'PA');
    else if (isAgain) this.#send(connection, ...this.#beginning[0]!);
    else this.#goOnBeginning(connection);
  }

  get #isUdp(): boolean {
    return this.#service.protocol === 'udp';
  }

  /** One that is not open yet can only be refused by its real server. Datagrams know no end. */
  #end(): void {
    const connection = this.#drawLive();
    if (connection === undefined || this.#isUdp) return;
    const ending = this.#hasBegun(connection) ? this.#random.weighted(ENDING_SHARES) : 'serverResets';
    const isReset = ending === 'clientResets' || ending === 'serverResets';
    if (isReset && this.#opened < CONNECTIONS - RESETS / 2 ** this.#options.slow) return;
    this.#live.splice(this.#live.indexOf(connection), 1);
    for (const [from, flags] of ENDINGS[ending]) this.#send(connection, from, flags);
    const isRenewable = RENEWABLE.includes(ending) && this.#service.persistence === undefined;
    this.#over.push({ ...connection, isRenewable });
    if (isReset) this.#deadline = Math.min(this.#deadline, performance.now() + 1000 * CLOSE_TIMEOUT);
  }

  /** One whose real server is in the list: packets of the others go nowhere. */
  #drawLive(): Connection | undefined {
    const candidates = this.#live.filter(({ server }) => this.#servers.has(server));
    return candidates.length === 0 ? undefined : this.#random.pick(candidates);
  }

  /** Sends a segment, and notes what comes out. */
  #send(connection: Connection, from: 'client' | 'server', flags: string): Passed {
    const { client, clientPort, before, destination, server } = connection;
    const segment = { fromServer: from === 'server', flags, client, clientPort, before, destination, server };
    const passed = this.#linux.pass(linkOf(segment), this.#writer.write(segment));
    if (passed === undefined) throw new Error(`Linux dropped ${JSON.stringify(segment)}: ${this.#name}`);
    this.#steps.push({ segment, link: passed.link, packet: Buffer.from(passed.packet).toString('hex') });
    return passed;
  }

  #change(change: Change): void {
    if (change.kind === 'remove') this.#servers.delete(change.server);
    else this.#servers.set(change.server, change);
    this.#linux.change(change);
    this.#steps.push({ change });
    this.#noteLoads();
  }

  #noteLoads(): void {
    this.#steps.push({ loads: this.#linux.loads() });
  }

  #drawChange(): Change {
    const present = [...this.#servers.keys()];
    const absent = Array.from({ length: SERVERS }, (_, server) => server).filter(
      (n) => !this.#servers.has(n),
    );
    const kind = this.#random.weighted({
      edit: 5,
      quiesce: 2,
      add: absent.length > 0 ? 2 : 0,
      remove: present.length > 4 ? 2 : 0,
    });
    if (kind === 'add') return this.#drawJoining(kind, this.#random.pick(absent));
    // Every other time it is the one that is chosen just now: `fo` would choose few others else.
    const isLatest = this.#servers.has(this.#latest) && this.#random.below(2) === 0;
    const server = isLatest ? this.#latest : this.#random.pick(present);
    if (kind === 'remove') return { kind, server };
    const { weight } = this.#servers.get(server)!;
    const edited = this.#drawJoining('edit', server);
    if (kind === 'quiesce' && weight > 0) return { ...edited, weight: 0 };
    // Always another weight: Linux begins its cursors anew even at an edit that changes nothing, where ours go on, so
    // that an administrator who applies a file twice does not disturb the balance.
    return edited.weight === weight ? { ...edited, weight: (weight % this.#options.heaviest) + 1 } : edited;
  }

  #drawJoining(kind: 'add' | 'edit', server: number): Joining {
    const upper = this.#random.below(4) === 0 ? this.#random.between(5, 60) : 0;
    const lower = upper > 0 && this.#random.below(2) === 0 ? this.#random.between(1, upper) : 0;
    return { kind, server, weight: this.#random.between(1, this.#options.heaviest), upper, lower };
  }

  /**
   * From networks in which neither Linux nor we have an address or a route of our own; of one network several where
   * these are what is remembered.
   */
  #drawClients(): string[] {
    const { family, persistence } = this.#service;
    const hosts = persistence === undefined ? 1 : HOSTS;
    const byte = () => this.#random.below(256);
    const group = () => this.#random.between(1, 0xffff).toString(16);
    return Array.from({ length: CLIENTS / hosts }, () => {
      const network =
        family === 4
          ? `${this.#random.between(20, 99)}.${byte()}.${byte()}.`
          : `2a00:${group()}::${group()}:`;
      return Array.from({ length: hosts }, () => network + (family === 4 ? byte() : group()));
    }).flat();
  }

  get #name(): string {
    return `${serviceText(this.#service)}, seed ${this.#options.seed}`;
  }
}
