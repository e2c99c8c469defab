import { copySumming } from '../../net/checksum.js';
import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV4 } from '../../net/ethernet.js';
import {
  type CutPacket,
  fragmentCount,
  fragmentPayload,
  repeatedHeaders,
  writeFragment,
} from '../../net/fragment.js';
import { IPV4_DESTINATION, IPV4_DONT_FRAGMENT, IPV4_FRAGMENT, IPV4_SOURCE } from '../../net/ipv4.js';
import { IPV6_HEADER, IPV6_SOURCE } from '../../net/ipv6.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import type { Frame } from '../frame.js';
import type { PacketIds } from './packet-ids.js';
import { completeInSoftware } from './segments.js';
import { IP_LENGTH_MAX } from './split.js';

/**
 * The fragments of a sender are imitated down to these sizes: what every IPv6 link carries (RFC 8200 5) and every IPv4
 * host takes (RFC 791). Smaller ones would be a means to make us send many packets for one.
 */
const LEAST_V4 = 576;
const LEAST_V6 = 1280;

/**
 * Whether a packet that is too large for its way may be cut: IPv4 without DF, or one whose sender has cut it himself,
 * into pieces that the way can carry.
 */
export function isFragmentable({ view, l3, family, largestFragment }: Frame, mtu: number): boolean {
  if (family === 4 && (view.getUint16(l3 + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT) === 0) return true;
  return largestFragment !== 0 && largestFragment <= mtu;
}

/**
 * Whether a packet must leave in fragments: it is too large for its way, or for the way that it came (Linux's
 * frag_max_size: the way on may carry no more).
 */
export function isOversize(frame: Frame, mtu: number): boolean {
  return frame.segments === 1 && frame.length - ETHERNET_HEADER > sizeOf(frame, mtu);
}

/** How large the fragments of a packet may be. */
function sizeOf({ family, largestFragment }: Frame, mtu: number): number {
  if (largestFragment === 0) return mtu;
  return Math.min(mtu, Math.max(largestFragment, family === 4 ? LEAST_V4 : LEAST_V6));
}

/** Cuts packets into fragments, one packet at a time. */
export class Fragmenter implements CutPacket {
  view: DataView = new DataView(new ArrayBuffer(0));
  family = 0;
  l3 = 0;
  length = 0;
  headers = 0;
  payload = 0;
  id = 0;

  readonly #emitted: Emitted;
  readonly #counters: Counters;
  readonly #ids: PacketIds;
  /** Bytes of the frames that the fragments go into. */
  #room = 0;

  constructor(emitted: Emitted, counters: Counters, ids: PacketIds) {
    this.#emitted = emitted;
    this.#counters = counters;
    this.#ids = ids;
  }

  /**
   * Prepares to cut a packet that is ready to leave, but perhaps for its MAC addresses.
   * @returns how many fragments there are, for `fragment`; 0, counted, where it cannot be cut or buffers are missing
   */
  begin(frame: Frame, mtu: number): number {
    completeInSoftware(frame);
    const { view, start } = frame;
    const size = sizeOf(frame, mtu);
    // Not the frame's own fields: it may be the inner packet of a tunnel that they tell of.
    this.family = view.getUint16(start + ETHERNET_TYPE) === ETHERTYPE_IPV4 ? 4 : 6;
    this.view = view;
    this.l3 = start + ETHERNET_HEADER;
    this.length = frame.length - ETHERNET_HEADER;
    this.headers = repeatedHeaders(view, this.l3, this.family);
    this.payload = fragmentPayload(this.headers, this.family, size);
    if (this.payload < 8 || this.#outgrowsIp) return this.#drop(COUNTER['drop-too-big']);
    const count = fragmentCount(this);
    this.#room = ETHERNET_HEADER + size;
    if (this.#emitted.room(this.#room) < count) return this.#drop(COUNTER['drop-out-of-buffers']);
    this.id = this.#nextId();
    this.#counters.add(COUNTER['packets-fragmented']);
    this.#counters.add(COUNTER['fragments-out'], count);
    return count;
  }

  /** Whether a tunnel or NAT64 has made the packet longer than its fragments could tell (a "ping of death"). */
  get #outgrowsIp(): boolean {
    return this.length - (this.family === 4 ? 0 : IPV6_HEADER) > IP_LENGTH_MAX;
  }

  /** The fragment at `index`, with the packet's Ethernet header, in a frame that is to be sent or discarded. */
  fragment(index: number): Frame {
    const { view, l3 } = this;
    // `begin` has made sure that there are enough.
    const frame = this.#emitted.take(this.#room)!;
    copySumming(view, l3 - ETHERNET_HEADER, frame.view, frame.start, ETHERNET_HEADER);
    const at = frame.start + ETHERNET_HEADER;
    frame.length = ETHERNET_HEADER + writeFragment(this, index, frame.bytes, frame.view, at);
    return frame;
  }

  #nextId(): number {
    const { view, l3, family } = this;
    if (family === 6) return this.#ids.ipv6(view, l3 + IPV6_SOURCE);
    return this.#ids.ipv4(view.getInt32(l3 + IPV4_SOURCE), view.getInt32(l3 + IPV4_DESTINATION));
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return 0;
  }
}
