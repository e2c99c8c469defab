import { Balancer, Frame, HEADROOM } from '../../lib/balancer/index.js';
import { VNET_HEADER } from '../../lib/net/virtio.js';
import type { Random } from '../../test/support/random.js';
import { type SpoofedKind, SpoofedSegments } from '../../test/support/spoofed-segments.js';
import { configuration, links, MACS, OUTSIDE, type Topology } from '../../test/support/topology.js';

const START = HEADROOM + VNET_HEADER;

/** A balancer that shakes hands for its service, and spoofed segments that arrive there. */
export class Attacked {
  readonly balancer: Balancer;
  /** In ms; moves by `advance` alone. */
  now = 1_000_000;
  readonly #frame = new Frame(new Uint8Array(START + 2048));
  readonly #sources: Record<SpoofedKind, SpoofedSegments>;

  constructor(topology: Topology, random: Random) {
    const config = configuration(topology, { service: { synProxy: {} } });
    const secret = Uint8Array.from({ length: 32 }, () => random.below(256));
    this.balancer = new Balancer(config, { links: links(), secret, now: this.now });
    const target = {
      address: topology.vip,
      port: topology.port,
      macs: { from: MACS.gateway, to: MACS.balancer[OUTSIDE] },
    };
    this.#sources = {
      syn: new SpoofedSegments('syn', target, random),
      ack: new SpoofedSegments('ack', target, random),
    };
  }

  /** Any segment of this kind, as it arrives; the bytes are those of the next one too. */
  segment(kind: SpoofedKind): Uint8Array {
    const { template } = this.#sources[kind];
    const { bytes, view } = this.#frame;
    bytes.set(template, START);
    this.#sources[kind].renew(view, START);
    return bytes.subarray(START, START + template.length);
  }

  /** Lets one arrive. Returns the verdict of `process`; what it emitted is gone. */
  arrive(kind: SpoofedKind): number {
    const { length } = this.segment(kind);
    const verdict = this.balancer.process(this.#frame.at(START, length, OUTSIDE), this.now);
    this.balancer.emitted.clear();
    return verdict;
  }

  /** So many milliseconds pass. */
  advance(milliseconds: number): void {
    this.now += milliseconds;
    while (this.balancer.advance(this.now)) this.balancer.emitted.clear();
    this.balancer.emitted.clear();
  }
}
