import type { ForwardingMode } from '../../lib/balancer/config/model.js';
import { Balancer, Frame, HEADROOM, validateConfig } from '../../lib/balancer/index.js';
import { VNET_HEADER } from '../../lib/net/virtio.js';
import { packet } from '../../test/support/packet-builder.js';
import { type DecodedFrame, decodeFrame } from '../../test/support/packet-decoder.js';
import { isOneWay } from '../../test/support/topology.js';
import { encodeVirtio } from '../../test/support/virtio-header.js';
import { addressText } from '../../test/support/wire.js';

const FRONT = 0;
const BACK = 1;
const SLOT = 2048;
const START = HEADROOM + VNET_HEADER;
const CLIENT_ISN = 1000;
const SERVER_ISN = 2000;
const PAYLOAD = 'bench.';

const macs = {
  client: '02:00:00:81:00:02',
  front: '02:00:00:81:00:01',
  back: '02:00:00:82:00:01',
  server: '02:00:00:82:00:02',
};

/** The same network in both families. Two local addresses, for one has 60536 ports. */
const plans = {
  4: {
    gateway: '10.81.0.2',
    vip: '10.81.0.100',
    locals: ['10.82.0.100', '10.82.0.101'],
    server: '10.82.0.2',
    networks: ['10.81.0.0/24', '10.82.0.0/24'],
    all: '0.0.0.0/0',
    client: (n: number) => `198.18.${n >> 8}.${n & 255}`,
  },
  6: {
    gateway: '2001:db8:81::2',
    vip: '2001:db8:81::100',
    locals: ['2001:db8:82::100', '2001:db8:82::101'],
    server: '2001:db8:82::2',
    networks: ['2001:db8:81::/64', '2001:db8:82::/64'],
    all: '::/0',
    client: (n: number) => `2001:db8:c11e:${n.toString(16)}::7`,
  },
} as const;

/** A segment as it comes in. */
export interface Arrival {
  link: number;
  bytes: Uint8Array;
}

/** One of a known connection, and as it has to go out. */
export interface KnownSegment extends Arrival {
  forwarded: DecodedFrame;
}

/** A balancer and what arrives at it: if nothing else is said, it has established connections behind the TOA phase, and one data segment of each direction of each arrives. */
export interface Scenario<Segment extends Arrival = KnownSegment> {
  balancer: Balancer;
  now: number;
  segments: Segment[];
}

/** NAT64: clients of IPv6, the rest as in IPv4. */
const nat64Plan = {
  ...plans[6],
  locals: plans[4].locals,
  server: plans[4].server,
  networks: [plans[6].networks[FRONT], plans[4].networks[BACK]],
};

/** How packets travel. */
export type Way = ForwardingMode | 'nat64';

/** Opens `connections` connections through a fresh balancer by playing their clients and, where it is heard, their server. */
export function establish(family: 4 | 6, connections: number, way: Way = 'fullnat'): Scenario {
  const player = new Player(family, connections, way);
  const segments: KnownSegment[] = [];
  for (let n = 0; n < connections; n++) segments.push(...player.connect(n));
  return { balancer: player.balancer, now: player.now, segments };
}

/** Everybody around the balancer. */
class Player {
  readonly balancer: Balancer;
  readonly now = 1000;
  readonly #plan;
  readonly #mode: ForwardingMode;
  readonly #frame = new Frame(new Uint8Array(SLOT));

  constructor(family: 4 | 6, connections: number, way: Way) {
    this.#plan = way === 'nat64' ? nat64Plan : plans[family];
    this.#mode = way === 'nat64' ? 'fullnat' : way;
    this.balancer = this.#createBalancer(connections);
  }

  /** A handshake, a request, its answer; returns the client's next segment and the server's. */
  connect(n: number): KnownSegment[] {
    const { vip, server } = this.#plan;
    const client = { address: this.#plan.client(n >> 6), port: 20_000 + (n & 63) };
    const fromClient = (flags: string, seq: number, ack: number, payload = '') =>
      packet()
        .ethernet({ from: macs.client, to: macs.front })
        .ip({ from: client.address, to: vip })
        .tcp({ from: client.port, to: 80, flags, seq, ack })
        .payload(payload)
        .bytes();
    const syn = this.#forwarded(FRONT, fromClient('S', CLIENT_ISN, 0));
    if (isOneWay(this.#mode)) {
      this.#forward(FRONT, fromClient('A', CLIENT_ISN + 1, SERVER_ISN + 1));
      const request = fromClient('PA', CLIENT_ISN + 1, SERVER_ISN + 1, PAYLOAD);
      return [{ link: FRONT, bytes: request, forwarded: this.#forwarded(FRONT, request) }];
    }
    const local = { address: addressText(syn.ip!.from), port: syn.tcp!.from };
    const received = syn.tcp!.seq;
    const fromServer = (flags: string, seq: number, ack: number, payload = '') =>
      packet()
        .ethernet({ from: macs.server, to: macs.back })
        .ip({ from: server, to: local.address })
        .tcp({ from: 80, to: local.port, flags, seq, ack: received + ack })
        .payload(payload)
        .bytes();

    this.#forward(BACK, fromServer('SA', SERVER_ISN, 1));
    this.#forward(FRONT, fromClient('A', CLIENT_ISN + 1, SERVER_ISN + 1));
    this.#forward(FRONT, fromClient('PA', CLIENT_ISN + 1, SERVER_ISN + 1, PAYLOAD));
    this.#forward(BACK, fromServer('PA', SERVER_ISN + 1, 1 + PAYLOAD.length, PAYLOAD));
    const sent = 1 + PAYLOAD.length;
    const request = fromClient('PA', CLIENT_ISN + sent, SERVER_ISN + sent, PAYLOAD);
    const answer = fromServer('PA', SERVER_ISN + sent, sent, PAYLOAD);
    return [
      { link: FRONT, bytes: request, forwarded: this.#forwarded(FRONT, request) },
      { link: BACK, bytes: answer, forwarded: this.#forwarded(BACK, answer) },
    ];
  }

  #createBalancer(connections: number): Balancer {
    const { gateway, vip, locals, server, networks, all } = this.#plan;
    const result = validateConfig({
      links: [{ name: 'front' }, { name: 'back' }],
      routes: [
        { to: networks[FRONT], link: 'front' },
        { to: networks[BACK], link: 'back' },
        { to: all, link: 'front', via: gateway },
      ],
      services: [
        {
          address: vip,
          port: 80,
          mode: this.#mode,
          scheduler: 'rr',
          ...((this.#mode === 'fullnat' || this.#mode === 'tun') && { localAddresses: locals }),
          realServers: [{ address: server, port: 80 }],
        },
      ],
      settings: { maxConnections: connections },
    });
    if ('faults' in result) throw new Error(JSON.stringify(result.faults));
    const links = [macs.front, macs.back].map((mac) => ({
      mac: Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16)),
      mtu: 1500,
    }));
    return new Balancer(result.config, { links, secret: new Uint8Array(32).fill(7), now: this.now });
  }

  /** Gives a frame to the balancer, answers for a neighbor if one is asked for, and leaves what comes out in `#frame`. */
  #forward(link: number, bytes: Uint8Array): void {
    const { emitted, counters } = this.balancer;
    const verdict = this.#process(link, bytes);
    if (verdict >= 0) return;
    if (emitted.count !== 1) throw new Error(`dropped: ${JSON.stringify(counters.snapshot())}`);
    const answer = this.#answerFor(decode(emitted.frame(0)));
    emitted.clear();
    this.#process(link === FRONT ? BACK : FRONT, answer);
    if (emitted.count !== 1) throw new Error('the neighbor was not believed');
    const released = emitted.frame(0);
    this.#load(link, released.bytes.subarray(released.start, released.start + released.length));
    emitted.clear();
  }

  #forwarded(link: number, bytes: Uint8Array): DecodedFrame {
    this.#forward(link, bytes);
    return decode(this.#frame);
  }

  #process(link: number, bytes: Uint8Array): number {
    this.#load(link, bytes);
    return this.balancer.process(this.#frame, this.now);
  }

  #load(link: number, bytes: Uint8Array): void {
    this.#frame.at(START, bytes.length, link).clearOffloads();
    this.#frame.bytes.set(bytes, START);
  }

  /** The answer to an ARP request or a neighbor solicitation, from whoever is asked for. */
  #answerFor({ arp, ip, icmp, from }: DecodedFrame): Uint8Array {
    const mac = from === macs.front ? macs.client : macs.server;
    if (arp !== undefined) {
      const { target, sender } = arp;
      return packet()
        .ethernet({ from: mac, to: from })
        .arp({ operation: 'reply', senderMac: mac, sender: target, targetMac: from, target: sender })
        .bytes();
    }
    const target = icmp!.body.subarray(0, 16);
    return packet()
      .ethernet({ from: mac, to: from })
      .ipv6({ from: target, to: ip!.from, ttl: 255 })
      .neighborAdvertisement({ target, targetMac: mac, flags: 'SO' })
      .bytes();
  }
}

function decode({ bytes, start, length }: Frame): DecodedFrame {
  return decodeFrame({ bytes: bytes.slice(start, start + length), virtio: encodeVirtio({}) });
}
