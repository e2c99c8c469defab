/** A scheduler with real servers called A, B, C, …, in the order of the list, at 10.0.0.11:80 and following. */

import type { Profile, SchedulerName } from '../../lib/balancer/config/model.js';
import { Frame } from '../../lib/balancer/frame.js';
import { randomStream } from '../../lib/balancer/random-stream.js';
import { RealServer } from '../../lib/balancer/service/real-server.js';
import { SCHEDULERS } from '../../lib/balancer/service/schedulers/index.js';
import type { Scheduler } from '../../lib/balancer/service/schedulers/scheduler.js';
import { addressWords, parseAddress } from '../../lib/net/address.js';
import { PROTOCOL_TCP } from '../../lib/net/ipv4.js';

export interface Circumstances {
  readonly profile?: Profile;
  readonly withPort?: boolean;
  readonly fallback?: boolean;
  readonly random?: () => number;
}

export interface Client {
  readonly from?: string;
  readonly port?: number;
  readonly to?: string;
  /** Milliseconds. */
  readonly now?: number;
}

/** A parsed SYN as far as schedulers look at it. */
export function synFrom({ from = '192.0.2.1', port = 40_000, to = '198.51.100.10' }: Client): Frame {
  const frame = new Frame();
  const source = wordsOf(from);
  const destination = wordsOf(to);
  frame.family = from.includes(':') ? 6 : 4;
  frame.protocol = PROTOCOL_TCP;
  [frame.source0, frame.source1, frame.source2, frame.source3] = source;
  [frame.destination0, frame.destination1, frame.destination2, frame.destination3] = destination;
  frame.ports = (port << 16) | 80;
  return frame;
}

function wordsOf(text: string): [number, number, number, number] {
  const { bytes, family } = parseAddress(text)!;
  const [word0, word1, word2, word3] = addressWords(bytes, family);
  return [word0!, word1!, word2!, word3!];
}

export class Scheduling {
  readonly scheduler: Scheduler;
  servers: RealServer[] = [];
  /** How often the list or a weight in it was changed. */
  changes = 0;
  #added = 0;

  constructor(name: SchedulerName, weights: readonly number[], circumstances: Circumstances = {}) {
    const {
      profile = 'kernel',
      withPort = false,
      fallback = false,
      random = randomStream(1),
    } = circumstances;
    this.scheduler = new SCHEDULERS[name]({ profile, withPort, fallback, random });
    this.servers = weights.map((weight) => this.#create(weight));
    this.scheduler.update(this.servers);
  }

  #create(weight: number): RealServer {
    const index = this.#added++;
    return new RealServer(index, {
      address: `10.0.0.${11 + index}`,
      port: 80,
      weight,
      upperThreshold: 0,
      lowerThreshold: 0,
    });
  }

  /** The real server of this letter, whether in the list or not any more. */
  server(letter: string): RealServer {
    const server = this.servers.find((candidate) => letterOf(candidate) === letter);
    if (server === undefined) throw new RangeError(`no real server ${letter}`);
    return server;
  }

  /** Adds one with the next letter at the end of the list. */
  add(weight: number): this {
    return this.#change([...this.servers, this.#create(weight)]);
  }

  remove(letter: string): this {
    const gone = this.server(letter);
    gone.available = false;
    return this.#change(this.servers.filter((server) => server !== gone));
  }

  weigh(letter: string, weight: number): this {
    this.server(letter).setWeight(weight);
    return this.#change(this.servers);
  }

  /** Sets connections and overload as if so many had been bound. */
  load(letter: string, load: Partial<Pick<RealServer, 'active' | 'inactive' | 'overloaded'>>): this {
    Object.assign(this.server(letter), load);
    return this;
  }

  #change(servers: RealServer[]): this {
    this.servers = servers;
    this.scheduler.update(servers);
    this.changes++;
    return this;
  }

  get letters(): string[] {
    return this.servers.map(letterOf);
  }

  schedule(client: Client = {}): RealServer | undefined {
    return this.scheduler.schedule(synFrom(client), client.now ?? 0);
  }

  /** The letter of the one chosen, `-` for none. */
  pick(client: Client = {}): string {
    const chosen = this.schedule(client);
    return chosen === undefined ? '-' : letterOf(chosen);
  }

  /** The next so many choices; nothing is bound. */
  picks(count: number, client?: Client): string {
    return Array.from({ length: count }, () => this.pick(client)).join('');
  }

  /** The next so many choices, each of which becomes an active connection at once. */
  holds(count: number, client?: Client): string {
    return Array.from({ length: count }, () => this.hold(client)).join('');
  }

  hold(client?: Client): string {
    const letter = this.pick(client);
    if (letter !== '-') this.server(letter).active++;
    return letter;
  }
}

function letterOf(server: RealServer): string {
  return String.fromCharCode(65 + server.index);
}
