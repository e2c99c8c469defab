/** Our balancer with the same service as Linux's IPVS. Its clock stands still: nothing expires. */
import {
  Balancer,
  Frame,
  HEADROOM,
  type RealServerConfig,
  type ResolvedConfig,
} from '../../../lib/balancer/index.js';
import { decodeFrame } from '../../support/packet-decoder.js';
import { neighborReply, questionIn, SECRET } from '../../support/rig.js';
import { configuration, links, MACS, type Topology } from '../../support/topology.js';
import {
  type Balancing,
  type Change,
  DAY,
  isPassed,
  type Joining,
  type Load,
  type Passed,
  type ServiceUnderTest,
  serverAddress,
  serverOfOctet,
  serverPortOf,
  topologyOf,
  WIDE,
} from './balancing.js';

const ETHERNET = 14;
const VIRTIO_HEADER = 10;
/** Where frames stand in the buffer: before them a virtio header of zeros. */
const START = HEADROOM + VIRTIO_HEADER;
const NOW = 1000;

export class OurBalancer implements Balancing {
  readonly #buffer = new Uint8Array(START + 2048);
  readonly #frame = new Frame(this.#buffer);
  readonly #service: ServiceUnderTest;
  readonly #topology: Topology;
  readonly #balancer: Balancer;
  /** In the order of Linux's list, which has the newest first (decision 11: our configurations say the order themselves). */
  #servers: readonly Joining[] = [];

  constructor(service: ServiceUnderTest) {
    this.#service = service;
    this.#topology = topologyOf(service.family);
    this.#balancer = new Balancer(this.#config(), { links: links(), secret: SECRET, now: NOW });
    this.#balancer.start(NOW);
    this.#drain();
  }

  change(change: Change): void {
    const others = this.#servers.filter(({ server }) => server !== change.server);
    if (change.kind === 'add') this.#servers = [change, ...others];
    else if (change.kind === 'remove') this.#servers = others;
    else this.#servers = this.#servers.map((one) => (one.server === change.server ? change : one));
    this.#balancer.apply(this.#config(), NOW);
    this.#drain();
  }

  #config(): ResolvedConfig {
    const { protocol, family, isWide, port, scheduler, flags, persistence } = this.#service;
    const { vip } = this.#topology;
    const realServers = this.#servers.map(
      ({ server, weight, upper, lower }): RealServerConfig => ({
        address: serverAddress(family, server),
        port: serverPortOf(this.#service),
        weight,
        upperThreshold: upper,
        lowerThreshold: lower,
      }),
    );
    return configuration(this.#topology, {
      service: {
        address: isWide ? WIDE[family] : vip,
        port,
        protocol,
        mode: 'nat',
        scheduler,
        schedulerFlags: flags,
        localAddresses: [],
        realServers,
        ...(persistence !== undefined && { persistence: { timeout: DAY, prefix: persistence } }),
      },
    });
  }

  pass(link: number, bytes: Uint8Array): Passed | undefined {
    const verdict = this.#process(link, bytes);
    const own = verdict >= 0 ? [taken(this.#frame, verdict)] : [];
    return [...own, ...this.#drain()][0];
  }

  #process(link: number, bytes: Uint8Array): number {
    this.#buffer.fill(0, START - VIRTIO_HEADER, START);
    this.#buffer.set(bytes, START);
    return this.#balancer.process(this.#frame.at(START, bytes.length, link), NOW);
  }

  /** What the balancer sends of its own accord; its neighbors answer as soon as they are asked. */
  #drain(): Taken[] {
    const { emitted } = this.#balancer;
    const packets: Taken[] = [];
    while (emitted.count > 0) {
      const frames = Array.from({ length: emitted.count }, (_, i) =>
        taken(emitted.frame(i), emitted.link(i)),
      );
      emitted.clear();
      packets.push(...frames.filter((frame) => !this.#answered(frame)));
    }
    return packets;
  }

  /** Answers a question for a neighbor's MAC address, and says whether it was one. */
  #answered({ link, frame }: Taken): boolean {
    const question = questionIn(decodeFrame({ bytes: frame, virtio: new Uint8Array(VIRTIO_HEADER) }));
    if (question === undefined) return !isPassed(frame);
    const reply = neighborReply(link, question.target, MACS.gateway, question.asker);
    this.#process(link, reply.bytes());
    return true;
  }

  loads(): Load[] {
    const [service] = this.#balancer.services;
    return service!.realServers.map(({ address, weight, active, inactive }) => {
      return { server: serverOfOctet(address[3]! & 0xff), weight, active, inactive };
    });
  }
}

/** A frame that comes out, and its packet. */
interface Taken extends Passed {
  readonly frame: Uint8Array;
}

function taken({ bytes, start, length }: Frame, link: number): Taken {
  const frame = bytes.slice(start, start + length);
  return { link, frame, packet: frame.subarray(ETHERNET) };
}
