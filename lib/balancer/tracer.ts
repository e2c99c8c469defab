import { textOf } from './address-words.js';
import type { Balancer } from './balancer.js';
import { TICK } from './connection/timer-wheel.js';
import { COUNTER, type CounterName } from './counters.js';
import type { Frame } from './frame.js';
import { packetText } from './packet-text.js';
import { ClientFilter, type TracedClient, windowOn } from './traced-client.js';
import { TracedConnections, type TracedState } from './traced-connections.js';
import { TracedDatagrams } from './traced-datagrams.js';
import { DROPPED } from './verdict.js';

/** A packet of the traced client, or of a real server's to it: what came, what became of it and why. */
export interface TraceStep {
  /** Milliseconds, on the clock that the balancer is given. */
  readonly time: number;
  /** The link that it came in by; undefined for what the balancer does of its own accord. */
  readonly link: number | undefined;
  /** Of a connection that has ended by itself: its two ends. */
  readonly packet: string;
  readonly verdict: 'sent' | 'consumed' | 'dropped' | 'ended';
  /** What was waited for and what came of it, in words, where that is part of it. */
  readonly note: string | undefined;
  /** The frames that left because of it, in order. */
  readonly sent: readonly { readonly link: number; readonly packet: string }[];
  /** What it was counted as: the reasons of drops and refusals are among these. */
  readonly counted: Readonly<Partial<Record<CounterName, number>>>;
  /** The connection after it, with the name of its real server; as it was, where it has ended. */
  readonly connection: TracedState | undefined;
}

/** A frame of the client's that waits for a neighbor, as it would be told of. */
interface HeldPacket {
  readonly neighbor: number;
  readonly queue: readonly Frame[];
  readonly packet: string;
  readonly connection: TracedState | undefined;
}

/**
 * Follows one client through a balancer, packet by packet. It stands in front of the balancer and looks at what goes in
 * and comes out, and at what waits before and after; a balancer that is not traced knows nothing of it, and pays nothing.
 */
export class Tracer {
  readonly #balancer: Balancer;
  readonly #client: ClientFilter;
  readonly #datagrams: TracedDatagrams;
  readonly #connections: TracedConnections;
  readonly #tell: (step: TraceStep) => void;
  /** As they were before what is being told of: the counters, how many frames waited to be sent. */
  readonly #before: Float64Array;
  #emitted = 0;

  constructor(balancer: Balancer, client: TracedClient, tell: (step: TraceStep) => void) {
    this.#balancer = balancer;
    this.#client = new ClientFilter(balancer.connections, client);
    this.#datagrams = new TracedDatagrams(balancer.fragments);
    this.#connections = new TracedConnections(balancer);
    this.#tell = tell;
    this.#before = balancer.counters.values.slice();
  }

  /** As `Balancer.process`. */
  process(frame: Frame, now: number): number {
    this.#look();
    const waiting = new Set([...this.#balancer.neighbors.waiting.values()].flat());
    const fragment = this.#datagrams.fragmentIn(frame);
    const isTraced =
      this.#client.concerns(frame) || (fragment !== undefined && this.#datagrams.has(fragment));
    const verdict = isTraced
      ? this.#follow(frame, fragment, waiting, now)
      : this.#balancer.process(frame, now);
    if (!isTraced) this.#tellSent(now, waiting);
    this.#tellLost(now, 'fragments-evicted', 'what had come of the packet makes room for others');
    return verdict;
  }

  #follow(frame: Frame, fragment: Frame | undefined, waiting: ReadonlySet<Frame>, now: number): number {
    const { link } = frame;
    const packet = packetText(windowOn(frame));
    const { found } = this.#client;
    if (found !== -1) this.#connections.forget(found >> 1);
    const verdict = this.#balancer.process(frame, now);
    const sent = this.#sent();
    if (verdict >= 0) sent.push({ link: verdict, packet: packetText(windowOn(frame)) });
    if (this.#hasCounted('fragments-reassembled')) this.#client.concerns(this.#balancer.fragments.whole);
    const isHeld = fragment !== undefined && this.#datagrams.note(fragment) && verdict !== DROPPED;
    this.#tell({
      time: now,
      link,
      packet,
      verdict: verdict >= 0 ? 'sent' : verdict === DROPPED ? 'dropped' : 'consumed',
      note: isHeld ? 'the rest of the packet is waited for' : this.#noteOnWaiting(waiting),
      sent,
      counted: this.#counted(),
      connection: this.#connection(),
    });
    return verdict;
  }

  /** As `Balancer.advance`; tells of what is sent because of it, and of what was waited for in vain. */
  advance(now: number): boolean {
    this.#look();
    const held = this.#held();
    const more = this.#balancer.advance(now);
    const { waiting } = this.#balancer.neighbors;
    for (const { neighbor, queue, packet, connection } of held) {
      if (waiting.get(neighbor) === queue) continue;
      const note = `${this.#addressOf(neighbor)} does not tell its MAC address`;
      const counted = { 'drop-neighbor-unresolved': 1 };
      this.#tellOwn({ time: now, packet, verdict: 'dropped', note, counted, connection });
    }
    this.#tellLost(now, 'fragments-timed-out', 'the rest of the packet has not come in time');
    this.#tellSent(now);
    for (const { ends, state, reason } of this.#connections.takeEnded(Math.floor(now / TICK))) {
      const note = reason === 'connections-expired' ? 'its time is over' : 'it makes room for others';
      const counted = { [reason]: 1 };
      this.#tellOwn({ time: now, packet: ends, verdict: 'ended', note, counted, connection: state });
    }
    return more;
  }

  #look(): void {
    this.#before.set(this.#balancer.counters.values);
    this.#emitted = this.#balancer.emitted.count;
  }

  /** Tells of the client's frames that leave because of what is not its own. @param waited for a neighbor before */
  #tellSent(time: number, waited: ReadonlySet<Frame> = new Set()): void {
    const { emitted } = this.#balancer;
    for (let i = this.#emitted; i < emitted.count; i++) {
      const frame = emitted.frame(i);
      if (!this.#client.concerns(frame) && !this.#connections.isToServer(frame)) continue;
      const packet = packetText(windowOn(frame));
      const note = waited.has(frame) ? 'the MAC address that it waited for is known' : undefined;
      const sent = [{ link: emitted.link(i), packet }];
      const connection = this.#connection();
      this.#tellOwn({ time, packet, verdict: 'sent', note, sent, counted: this.#counted(), connection });
    }
  }

  /** Tells of fragments of the client's that are held no longer, though they have not become a packet. */
  #tellLost(time: number, reason: CounterName, note: string): void {
    if (!this.#hasCounted(reason)) return;
    for (const fragment of this.#datagrams.takeLost()) {
      const packet = packetText(fragment);
      const counted = { [reason]: 1 };
      this.#tellOwn({ time, packet, verdict: 'dropped', note, counted, connection: undefined });
    }
  }

  #tellOwn(step: Omit<TraceStep, 'link' | 'sent'> & Partial<Pick<TraceStep, 'sent'>>): void {
    this.#tell({ link: undefined, sent: [], ...step });
  }

  /** Which neighbor the packet that was just processed waits for, if it does. @param before what waited before it */
  #noteOnWaiting(before: ReadonlySet<Frame>): string | undefined {
    for (const [neighbor, queue] of this.#balancer.neighbors.waiting) {
      if (queue.some((frame) => !before.has(frame)))
        return `waits for the MAC address of ${this.#addressOf(neighbor)}`;
    }
    return undefined;
  }

  /** The client's frames that wait for neighbors. */
  #held(): HeldPacket[] {
    return [...this.#balancer.neighbors.waiting].flatMap(([neighbor, queue]) =>
      queue.flatMap((frame) => {
        if (!this.#client.concerns(frame)) return [];
        return { neighbor, queue, packet: packetText(windowOn(frame)), connection: this.#connection() };
      }),
    );
  }

  #addressOf(neighbor: number): string {
    return textOf(this.#balancer.neighbors.addressOf(neighbor));
  }

  /** What the packet that was looked at last belongs to by now. */
  #connection(): TracedState | undefined {
    const { found } = this.#client;
    return found === -1 ? undefined : this.#connections.note(found >> 1);
  }

  #sent(): { link: number; packet: string }[] {
    const { emitted } = this.#balancer;
    return Array.from({ length: emitted.count - this.#emitted }, (_, i) => ({
      link: emitted.link(this.#emitted + i),
      packet: packetText(windowOn(emitted.frame(this.#emitted + i))),
    }));
  }

  #hasCounted(name: CounterName): boolean {
    return this.#balancer.counters.get(name) !== this.#before[COUNTER[name]];
  }

  #counted(): TraceStep['counted'] {
    const after = Object.entries(this.#balancer.counters.snapshot()) as [CounterName, number][];
    return Object.fromEntries(
      after
        .map(([name, value]) => [name, value - this.#before[COUNTER[name]]!] as const)
        .filter(([, change]) => change !== 0),
    );
  }
}
