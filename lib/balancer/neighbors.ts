import { ARP_REQUEST, writeArp } from '../net/arp.js';
import { writeMacs } from '../net/ethernet.js';
import { AddressTable } from './address-table.js';
import { isIpv4 } from './address-words.js';
import type { KeyedHash } from './connection/keyed-hash.js';
import { TICK } from './connection/timer-wheel.js';
import { COUNTER, type Counters } from './counters.js';
import type { Emitted } from './emitted.js';
import type { Frame } from './frame.js';
import type { LinkPort } from './link-port.js';
import { NEIGHBOR_FRAME_MAX, writeNeighborSolicitation } from './neighbor-discovery.js';
import type { Route } from './routes.js';
import { CONSUMED, DROPPED } from './verdict.js';

const CAPACITY = 8192;
/** A hop has the neighbor's number in these bits. */
const NEIGHBOR_BITS = 0xffff;
/** A loopback interface has an MTU of 65536, which no length field can tell. */
const IP_PACKET_MAX = 65535;
/** How long an answer is trusted before it is asked for again, in ticks: 30 s, Linux's base_reachable_time. */
const REACHABLE = 30_000 / TICK;
/** Between two requests, and how many before a neighbor has failed: RFC 4861's RETRANS_TIMER and MAX_*CAST_SOLICIT. */
const RETRANSMIT = 1000 / TICK;
const TRIES = 3;
/** Frames that wait for one neighbor: a burst of SYNs when the balancer starts; Linux lets 101 wait. */
const QUEUE = 32;
/** Frames that wait for any neighbor. They are taken from what the balancer's own frames need too. */
const QUEUES = 256;

/**
 * Next hops and their MAC addresses, found by ARP and neighbor discovery. A connection keeps a hop: the neighbor's
 * number, and in the high 16 bits the MTU of its route. Nobody makes an entry by talking to us: what a station says of
 * its address is heard only where a connection has needed that neighbor.
 */
export class Neighbors {
  readonly #links: readonly LinkPort[];
  readonly #emitted: Emitted;
  readonly #counters: Counters;
  readonly #hash: KeyedHash;
  #index: AddressTable;
  /** Numbers from here on were never used; `#free` holds those that were given up. */
  #count = 0;
  readonly #free: number[] = [];
  #reclaimedAt = -1;
  #tick: number;

  readonly #address = new Int32Array(CAPACITY * 4);
  readonly #source = new Int32Array(CAPACITY * 4);
  readonly #link = new Uint8Array(CAPACITY);
  readonly #macHigh = new Uint16Array(CAPACITY);
  readonly #macLow = new Int32Array(CAPACITY);
  readonly #known = new Uint8Array(CAPACITY);
  /** When to ask (again), and how often was asked since the last answer. */
  readonly #askAt = new Int32Array(CAPACITY);
  readonly #asked = new Uint8Array(CAPACITY);
  /** Connections that hold the neighbor's number. */
  readonly #users = new Int32Array(CAPACITY);
  /** Copies of frames that wait, by neighbor, and how many they are in all. */
  readonly #queues = new Map<number, Frame[]>();
  #queued = 0;
  /** Neighbors that are being asked, or have frames waiting: those that `advance` looks at. */
  #active: number[] = [];
  readonly #isActive = new Uint8Array(CAPACITY);

  constructor(
    links: readonly LinkPort[],
    emitted: Emitted,
    counters: Counters,
    hash: KeyedHash,
    tick: number,
  ) {
    this.#links = links;
    this.#emitted = emitted;
    this.#counters = counters;
    this.#hash = hash;
    this.#index = new AddressTable(hash, CAPACITY);
    this.#tick = tick;
  }

  /**
   * The next hop on `route` towards a destination, made where it is new; -1 when all are in use. Its holder calls
   * `release` in the end.
   */
  acquire(route: Route, word0: number, word1: number, word2: number, word3: number): number {
    const { via } = route;
    const neighbor =
      via === undefined
        ? this.#findOrAdd(route, word0, word1, word2, word3)
        : this.#findOrAdd(route, via[0]!, via[1]!, via[2]!, via[3]!);
    if (neighbor === -1) return -1;
    this.#users[neighbor]! += 1;
    // Requests come from where the route says now: an address may be ours no longer.
    this.#source.set(route.source, neighbor * 4);
    return (Math.min(route.mtu || IP_PACKET_MAX, this.#links[route.link]!.mtu) << 16) | neighbor;
  }

  /** Asks for a neighbor that is not known before anything waits for it. */
  prepare(hop: number): void {
    const neighbor = hop & NEIGHBOR_BITS;
    if (this.#known[neighbor] === 0) this.#activate(neighbor);
  }

  /** A connection no longer needs the neighbor. */
  release(hop: number): void {
    this.#users[hop & NEIGHBOR_BITS]! -= 1;
  }

  /** Copies of frames that wait for an answer, by neighbor. */
  get waiting(): ReadonlyMap<number, readonly Frame[]> {
    return this.#queues;
  }

  /** Four words of a neighbor's address. */
  addressOf(neighbor: number): Int32Array {
    return this.#address.subarray(neighbor * 4, neighbor * 4 + 4);
  }

  /** The link that a hop is on. */
  linkOf(hop: number): number {
    return this.#link[hop & NEIGHBOR_BITS]!;
  }

  /** The largest IP packet on the way over a hop. */
  mtuOf(hop: number): number {
    return hop >>> 16;
  }

  /**
   * Addresses a frame to the neighbor of a hop.
   * @returns the link to send it on; or CONSUMED when a copy waits for the neighbor's answer; or DROPPED
   */
  address(frame: Frame, hop: number): number {
    const neighbor = hop & NEIGHBOR_BITS;
    if (this.#known[neighbor] === 0) return this.#hold(frame, neighbor);
    if (this.#tick >= this.#askAt[neighbor]!) this.#activate(neighbor);
    return this.#writeMacs(frame, neighbor);
  }

  /**
   * A frame of a connection came in through this neighbor, from this MAC address. If that is another than we send
   * to, a gateway may have moved: ask, at most once a second, but believe only the answer.
   */
  observe(hop: number, macHigh: number, macLow: number): void {
    const neighbor = hop & NEIGHBOR_BITS;
    if (this.#macLow[neighbor] === macLow && this.#macHigh[neighbor] === macHigh) return;
    if (this.#known[neighbor] === 0 || this.#isActive[neighbor] === 1) return;
    if (this.#tick < this.#askAt[neighbor]! - REACHABLE + RETRANSMIT) return;
    this.#askAt[neighbor] = this.#tick;
    this.#activate(neighbor);
  }

  /**
   * Somebody says that `address` is at this MAC: an ARP packet's sender, an advertisement, a solicitation's source.
   * @param override whether that may change a MAC address that is known (RFC 4861 7.2.5: not what a proxy says)
   * @returns whether it was of use
   */
  learn(
    link: number,
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    macHigh: number,
    macLow: number,
    override: boolean,
  ): boolean {
    const neighbor = this.#index.find(word0, word1, word2, word3, link);
    // A group address as a station's (RFC 1812 3.3.2) would turn every frame into a broadcast.
    if (neighbor === -1 || (macHigh & 0x100) !== 0 || (macHigh === 0 && macLow === 0)) return false;
    if (this.#known[neighbor] === 0) this.#counters.add(COUNTER['neighbor-learned']);
    else if (this.#macLow[neighbor] !== macLow || this.#macHigh[neighbor] !== macHigh) {
      if (!override) return false;
      this.#counters.add(COUNTER['neighbor-changed']);
    }
    this.#known[neighbor] = 1;
    this.#macHigh[neighbor] = macHigh;
    this.#macLow[neighbor] = macLow;
    this.#asked[neighbor] = 0;
    this.#askAt[neighbor] = this.#tick + REACHABLE;
    this.#releaseQueue(neighbor);
    return true;
  }

  /** Moves the clock: asks, asks again, gives up. */
  advance(tick: number): void {
    this.#tick = tick;
    const active = this.#active;
    let kept = 0;
    for (let i = 0; i < active.length; i++) {
      const neighbor = active[i]!;
      if (this.#work(neighbor)) active[kept++] = neighbor;
      else this.#isActive[neighbor] = 0;
    }
    active.length = kept;
  }

  /** @returns whether the neighbor stays active */
  #work(neighbor: number): boolean {
    if (this.#known[neighbor] === 1 && this.#asked[neighbor] === 0 && this.#tick < this.#askAt[neighbor]!)
      return false;
    if (this.#tick < this.#askAt[neighbor]!) return true;
    if (this.#asked[neighbor]! < TRIES) {
      this.#ask(neighbor);
      return true;
    }
    this.#known[neighbor] = 0;
    this.#asked[neighbor] = 0;
    this.#counters.add(COUNTER['neighbor-failed']);
    for (const frame of this.#takeQueue(neighbor)) {
      this.#emitted.discard(frame);
      this.#counters.add(COUNTER['drop-neighbor-unresolved']);
    }
    return false;
  }

  #activate(neighbor: number): void {
    if (this.#isActive[neighbor] === 1) return;
    this.#isActive[neighbor] = 1;
    this.#active.push(neighbor);
    this.#ask(neighbor);
  }

  /**
   * Sends one request to everybody: the neighbor may have moved to another MAC address. One that could not be sent is
   * made up for at the next tick and counts for nothing: a flood of strangers must not make a gateway fail.
   */
  #ask(neighbor: number): void {
    const link = this.#links[this.#link[neighbor]!]!;
    const address = this.addressOf(neighbor);
    const source = this.#source.subarray(neighbor * 4, neighbor * 4 + 4);
    const frame = this.#emitted.take(NEIGHBOR_FRAME_MAX);
    this.#askAt[neighbor] = this.#tick + (frame === undefined ? 1 : RETRANSMIT);
    if (frame === undefined) {
      this.#counters.add(COUNTER['drop-out-of-buffers']);
      return;
    }
    this.#asked[neighbor]! += 1;
    if (isIpv4(address)) {
      frame.length = writeArp(
        frame.view,
        frame.start,
        ARP_REQUEST,
        link.macHigh,
        link.macLow,
        source[3]!,
        0,
        0,
        address[3]!,
      );
      this.#counters.add(COUNTER['arp-request']);
    } else {
      frame.length = writeNeighborSolicitation(frame, link, source, address);
      this.#counters.add(COUNTER['neighbor-solicitation']);
    }
    this.#emitted.send(frame, link.index);
  }

  #hold(frame: Frame, neighbor: number): number {
    const queue = this.#queues.get(neighbor) ?? [];
    if (queue.length === QUEUE || this.#queued === QUEUES) {
      this.#counters.add(COUNTER['drop-neighbor-queue-full']);
      return DROPPED;
    }
    const copy = this.#emitted.copy(frame);
    if (copy === undefined) {
      this.#counters.add(COUNTER['drop-out-of-buffers']);
      return DROPPED;
    }
    queue.push(copy);
    this.#queues.set(neighbor, queue);
    this.#queued++;
    this.#activate(neighbor);
    return CONSUMED;
  }

  #takeQueue(neighbor: number): Frame[] {
    const queue = this.#queues.get(neighbor) ?? [];
    this.#queues.delete(neighbor);
    this.#queued -= queue.length;
    return queue;
  }

  #releaseQueue(neighbor: number): void {
    const frames = this.#takeQueue(neighbor);
    this.#counters.add(COUNTER['frames-forwarded'], frames.length);
    for (const frame of frames) this.#emitted.send(frame, this.#writeMacs(frame, neighbor));
  }

  /** Addresses a frame from our side of the link to the neighbor, whose MAC address is known; the link's number. */
  #writeMacs(frame: Frame, neighbor: number): number {
    const link = this.#links[this.#link[neighbor]!]!;
    writeMacs(
      frame.view,
      frame.start,
      this.#macHigh[neighbor]!,
      this.#macLow[neighbor]!,
      link.macHigh,
      link.macLow,
    );
    return link.index;
  }

  #findOrAdd(route: Route, word0: number, word1: number, word2: number, word3: number): number {
    const found = this.#index.find(word0, word1, word2, word3, route.link);
    if (found !== -1) return found;
    const neighbor = this.#count < CAPACITY ? this.#count++ : (this.#free.pop() ?? this.#reclaim());
    if (neighbor === -1) return -1;
    this.#address.set([word0, word1, word2, word3], neighbor * 4);
    this.#link[neighbor] = route.link;
    this.#known[neighbor] = 0;
    this.#asked[neighbor] = 0;
    this.#askAt[neighbor] = this.#tick;
    this.#users[neighbor] = 0;
    this.#index.set(word0, word1, word2, word3, route.link, neighbor);
    return neighbor;
  }

  /**
   * Frees every neighbor that no connection uses; one of them, or -1 when all are in use. Once a tick: under a flood of
   * strangers there is nothing new to find for each of them.
   */
  #reclaim(): number {
    if (this.#reclaimedAt === this.#tick) return -1;
    this.#reclaimedAt = this.#tick;
    this.#index = new AddressTable(this.#hash, CAPACITY);
    const words = this.#address;
    for (let i = 0; i < CAPACITY; i++) {
      const at = i * 4;
      if (this.#users[i] === 0 && this.#isActive[i] === 0) this.#free.push(i);
      else this.#index.set(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, this.#link[i]!, i);
    }
    return this.#free.pop() ?? -1;
  }
}
