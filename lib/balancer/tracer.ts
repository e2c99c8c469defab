import { wordsOf } from './address-words.js';
import type { Balancer } from './balancer.js';
import { CLIENT, CLIENT_PORTS, OWNER, RECORD_WORDS, STATE, STATE_MASK } from './connection/record.js';
import { STATES, type State } from './connection/state.js';
import type { CounterName } from './counters.js';
import { Frame } from './frame.js';
import { packetText } from './packet-text.js';
import { parse } from './parse.js';
import { turnRound } from './related-icmp/quoted-packet.js';
import { DROPPED } from './verdict.js';

/** A packet of the traced client, or of a real server's to it: what came, what became of it and why. */
export interface TraceStep {
  /** Milliseconds, on the clock that the balancer is given. */
  readonly time: number;
  /** The link that it came in by; undefined for what the balancer does of its own accord. */
  readonly link: number | undefined;
  readonly packet: string;
  readonly verdict: 'sent' | 'consumed' | 'dropped';
  /** The frames that left because of it, in order. */
  readonly sent: readonly { readonly link: number; readonly packet: string }[];
  /** What it was counted as: the reasons of drops and refusals are among these. */
  readonly counted: Readonly<Partial<Record<CounterName, number>>>;
  /** The connection after it, with the name of its real server. */
  readonly connection: { readonly state: State; readonly realServer: string } | undefined;
}

/** Whose packets are followed; without a port, all of the client's connections. */
export interface TracedClient {
  readonly address: string;
  readonly port?: number | undefined;
}

/**
 * Follows one client through a balancer, packet by packet. It stands in front of the balancer and looks at what goes in
 * and comes out; a balancer that is not traced knows nothing of it, and pays nothing.
 */
export class Tracer {
  readonly #balancer: Balancer;
  readonly #client: Int32Array;
  readonly #port: number | undefined;
  readonly #tell: (step: TraceStep) => void;
  /** The packet that was looked at last, parsed. */
  #looked = new Frame();

  constructor(balancer: Balancer, { address, port }: TracedClient, tell: (step: TraceStep) => void) {
    this.#balancer = balancer;
    this.#client = wordsOf(address);
    this.#port = port;
    this.#tell = tell;
  }

  /** As `Balancer.process`. */
  process(frame: Frame, now: number): number {
    const balancer = this.#balancer;
    const packet = this.#textIfTraced(frame);
    if (packet === undefined) return balancer.process(frame, now);
    const { link } = frame;
    const before = balancer.counters.snapshot();
    const waiting = balancer.emitted.count;
    const verdict = balancer.process(frame, now);
    const sent = this.#emittedFrom(waiting);
    if (verdict >= 0) sent.push({ link: verdict, packet: packetText(copyOf(frame)) });
    this.#tell({
      time: now,
      link,
      packet,
      verdict: verdict >= 0 ? 'sent' : verdict === DROPPED ? 'dropped' : 'consumed',
      sent,
      counted: this.#countedSince(before),
      connection: this.#connection,
    });
    return verdict;
  }

  /** As `Balancer.advance`; tells of frames that leave because of it: resets of an idle connection, a SYN that is sent again. */
  advance(now: number): boolean {
    const balancer = this.#balancer;
    const before = balancer.counters.snapshot();
    const waiting = balancer.emitted.count;
    const more = balancer.advance(now);
    for (let i = waiting; i < balancer.emitted.count; i++) {
      const packet = this.#textIfTraced(balancer.emitted.frame(i));
      if (packet === undefined) continue;
      this.#tell({
        time: now,
        link: undefined,
        packet,
        verdict: 'sent',
        sent: [{ link: balancer.emitted.link(i), packet }],
        counted: this.#countedSince(before),
        connection: this.#connection,
      });
    }
    return more;
  }

  /** What the packet that was looked at last belongs to by now. */
  get #connection(): TraceStep['connection'] {
    const found = this.#balancer.connections.find(this.#looked);
    if (found === -1) return undefined;
    const { words } = this.#balancer.connections;
    const base = (found >> 1) * RECORD_WORDS;
    const { name } = this.#balancer.realServers[words[base + OWNER]! & 0xffff]!;
    return { state: STATES[words[base + STATE]! & STATE_MASK]!, realServer: name };
  }

  /** The frame as text where the client is one end of it, or of its connection. */
  #textIfTraced(original: Frame): string | undefined {
    const frame = copyOf(original);
    this.#looked = frame;
    parse(frame);
    if (frame.family === 0) return undefined;
    const { connections } = this.#balancer;
    let found = connections.find(frame);
    if (found === -1) {
      // What the balancer sends has the ends of what it gets from there, turned round.
      turnRound(frame);
      found = connections.find(frame);
      if (found === -1) turnRound(frame);
    }
    const traced = found === -1 ? this.#isEnd(frame) : this.#isClientOf(found >> 1);
    return traced ? packetText(copyOf(original)) : undefined;
  }

  #isClientOf(connection: number): boolean {
    const { words } = this.#balancer.connections;
    const base = connection * RECORD_WORDS;
    const port = words[base + CLIENT_PORTS]! >>> 16;
    return (
      this.#client.every((word, i) => word === words[base + CLIENT + i]) &&
      (this.#port === undefined || this.#port === port)
    );
  }

  #isEnd(frame: Frame): boolean {
    const [word0, word1, word2, word3] = this.#client;
    const isSource =
      frame.source3 === word3 &&
      frame.source2 === word2 &&
      frame.source1 === word1 &&
      frame.source0 === word0;
    const isDestination =
      frame.destination3 === word3 &&
      frame.destination2 === word2 &&
      frame.destination1 === word1 &&
      frame.destination0 === word0;
    if (this.#port === undefined) return isSource || isDestination;
    return (
      (isSource && frame.ports >>> 16 === this.#port) ||
      (isDestination && (frame.ports & 0xffff) === this.#port)
    );
  }

  #emittedFrom(first: number): { link: number; packet: string }[] {
    const { emitted } = this.#balancer;
    return Array.from({ length: emitted.count - first }, (_, i) => ({
      link: emitted.link(first + i),
      packet: packetText(copyOf(emitted.frame(first + i))),
    }));
  }

  #countedSince(before: Record<CounterName, number>): TraceStep['counted'] {
    const after = Object.entries(this.#balancer.counters.snapshot()) as [CounterName, number][];
    return Object.fromEntries(
      after
        .map(([name, value]) => [name, value - before[name]] as const)
        .filter(([, change]) => change !== 0),
    );
  }
}

/** Another window on the same frame: what is parsed in it does not disturb the balancer's own. */
function copyOf({ bytes, view, start, length, link }: Frame): Frame {
  return new Frame(bytes, view).at(start, length, link);
}
