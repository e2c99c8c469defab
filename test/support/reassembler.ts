/** Reassembly by itself, with hands that put frames in and take out what it makes of them. */
import { KeyedHash } from '../../lib/balancer/connection/keyed-hash.js';
import { Counters } from '../../lib/balancer/counters.js';
import { Emitted } from '../../lib/balancer/emitted.js';
import type { FragmentLimits } from '../../lib/balancer/fragment-table.js';
import { Fragments, REASSEMBLED } from '../../lib/balancer/fragments.js';
import { Frame, HEADROOM } from '../../lib/balancer/frame.js';
import { IcmpErrors } from '../../lib/balancer/icmp.js';
import { LinkPort } from '../../lib/balancer/link-port.js';
import { OwnAddresses } from '../../lib/balancer/own-addresses.js';
import { FRAGMENT, parse } from '../../lib/balancer/parse.js';
import { Routes } from '../../lib/balancer/routes.js';
import { CONSUMED } from '../../lib/balancer/verdict.js';
import type { BuiltFrame, PacketBuilder } from './packet-builder.js';
import { SECRET } from './rig.js';
import { MACS } from './topology.js';
import { mac } from './wire.js';

/** One for all: its megabytes for every reassembler would be most of a test's time. */
const EMITTED = new Emitted();

/** What became of a fragment: `held`, the names of the drops counted, or the whole frame. */
export type Outcome = string | Uint8Array;

export class Reassembler {
  readonly counters = new Counters();
  readonly emitted = EMITTED;
  /** The last whole datagram's largest fragment. */
  largestFragment = 0;
  readonly #fragments: Fragments;

  constructor(limits?: FragmentLimits) {
    const { counters, emitted } = this;
    emitted.clear();
    const links = MACS.balancer.map(
      (address, i) => new LinkPort(`link${i}`, i, { mac: mac(address), mtu: 1500 }, []),
    );
    const hash = new KeyedHash(SECRET);
    const linkLocals = links.map(({ linkLocal }) => linkLocal);
    const routes = new Routes([], new Map(), [], linkLocals);
    const own = new OwnAddresses({ networks: [], former: [], ofLinks: [] }, links, routes, hash);
    this.#fragments = new Fragments({
      hash,
      emitted,
      counters,
      icmp: new IcmpErrors(own, emitted, counters),
      links,
      ...(limits && { limits }),
    });
  }

  /** Puts a frame in; the milliseconds are the balancer's clock. */
  add(input: PacketBuilder | BuiltFrame, now = 0, link = 0): Outcome {
    const { bytes, virtio } = 'build' in input ? input.build() : input;
    const start = HEADROOM + virtio.length;
    const buffer = new Uint8Array(start + bytes.length);
    buffer.set(virtio, start - virtio.length);
    buffer.set(bytes, start);
    const frame = new Frame(buffer).at(start, bytes.length, link);
    const before = this.counters.snapshot();
    const fault = parse(frame);
    if (fault !== FRAGMENT) throw new Error(`parse found no fragment, but ${fault}`);
    const verdict = this.#fragments.add(frame, now);
    if (verdict === REASSEMBLED) return this.#take(this.#fragments.whole);
    const drops = Object.entries(this.counters.snapshot()).filter(
      ([name, value]) => name.startsWith('drop-') && value !== before[name as keyof typeof before],
    );
    return verdict === CONSUMED && drops.length === 0 ? 'held' : drops.map(([name]) => name).join();
  }

  /** Gives up what is due. @returns how many datagrams that were */
  expire(now: number): number {
    let count = 0;
    while (this.#fragments.expireNext(now)) count++;
    return count;
  }

  /** The frames that were emitted besides. */
  drain(): Uint8Array[] {
    const frames = Array.from({ length: this.emitted.count }, (_, i) => {
      const { bytes, start, length } = this.emitted.frame(i);
      return bytes.slice(start, start + length);
    });
    this.emitted.clear();
    return frames;
  }

  #take(whole: Frame): Uint8Array {
    this.largestFragment = whole.largestFragment;
    const bytes = whole.bytes.slice(whole.start, whole.start + whole.length);
    this.emitted.discard(whole);
    return bytes;
  }
}
