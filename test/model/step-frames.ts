/** The steps of a script as frames: what clients and real servers send, whoever it is that is tested with them. */
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { decodeFrame } from '../support/packet-decoder.js';
import type { Sent } from '../support/rig.js';
import { tcpOption } from '../support/tcp-segment.js';
import { INSIDE, MACS, OUTSIDE, type Topology } from '../support/topology.js';
import { addressText, concat, hostPort } from '../support/wire.js';
import { fragmentsOf } from './fragmentation.js';
import type { Host } from './parties.js';
import { SERVER_ISN, type ServiceWishes, type StepOf } from './script.js';

/** Of the IP packets that come in fragments. */
const ID = 77;

export type PacketStep = StepOf<'client' | 'server' | 'stray'>;

/** A connection that there is. */
export interface Talk {
  readonly client: Host;
  readonly vip: Host;
  readonly server: Host;
  /** What the real server takes for the client. */
  readonly local: Host;
  /** The initial sequence number that the real server saw. */
  readonly isn: number;
}

/** The connections that there are, by any number; undefined where there are none. */
export interface Talks {
  known(n: number): Talk | undefined;
  /** -1: the newest. Those whose real servers' packets come by. */
  answerable(n: number): Talk | undefined;
}

export class StepFrames {
  readonly #topology: Topology;
  readonly #services: readonly ServiceWishes[];
  readonly #talks: Talks;
  /** The initial sequence number that a client was told, by its address, port, service and own number. */
  readonly #told = new Map<string, number>();

  constructor(topology: Topology, services: readonly ServiceWishes[], talks: Talks) {
    this.#topology = topology;
    this.#services = services;
    this.#talks = talks;
  }

  /** The frame of a step, and what comes in by the link of it: its fragments, or itself. Undefined where there is nobody to send it. */
  of(each: PacketStep): { link: number; frame: BuiltFrame; pieces: readonly BuiltFrame[] } | undefined {
    if (each.kind !== 'client') {
      const frame = (each.kind === 'stray' ? this.#stray(each) : this.#answer(each))?.build();
      const link = each.kind === 'server' && each.forged ? OUTSIDE : INSIDE;
      return frame && { link, frame, pieces: [frame] };
    }
    const frame = this.#client(each).build();
    const fragments = each.cut === 'no' ? [] : fragmentsOfFrame(frame);
    const ordered = each.cut === 'reversed' ? fragments.toReversed() : fragments;
    return { link: OUTSIDE, frame, pieces: fragments.length < 2 ? [frame] : ordered };
  }

  /** What came out: the next segments of a client's are about what it is told in answer to its SYN. */
  note(sent: readonly Sent[]): void {
    for (const { link, decoded } of sent) {
      const { ip, tcp } = decoded;
      if (link !== OUTSIDE || ip === undefined || tcp?.flags !== 'SA') continue;
      this.#told.set(`${addressText(ip.to)} ${tcp.to} ${tcp.from} ${tcp.ack - 1}`, tcp.seq);
    }
  }

  #client(each: StepOf<'client'>): PacketBuilder {
    const { vip, client: clientAddress } = this.#topology;
    const known = each.known === null ? undefined : this.#talks.known(each.known);
    const from = known?.client.address ?? clientAddress(each.client);
    const port = known?.client.port ?? each.port;
    const to = known?.vip.port ?? 80 + each.service;
    const { trafficClass, ttl } = each;
    const fragmented = each.cut === 'no' ? {} : { id: ID, dontFragment: false };
    const below = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from, to: vip, trafficClass, ttl, ...fragmented });
    const ports = { from: port, to };
    if (this.#services[to - 80]?.protocol === 'udp') {
      return below.udp(ports).payload(Math.min(each.payload, 40));
    }
    const isn = port * 100_000 + (each.again ? 50_000 : 0);
    const forged = tcpOption.toa(hostPort(clientAddress(66), 66));
    const usual = [tcpOption.mss(1300), tcpOption.sackPermitted, tcpOption.nop, tcpOption.windowScale(7)];
    const syn = each.flags.includes('S');
    const stamps = [tcpOption.timestamps(1, 2)];
    const unknown = tcpOption.raw(77, new Uint8Array(24));
    const mptcp = tcpOption.raw(30, new Uint8Array(10));
    const options = {
      none: [],
      usual: syn ? usual : [],
      timestamps: stamps,
      forged: [forged],
      crowded: syn ? [...usual, mptcp, tcpOption.raw(77, new Uint8Array(13))] : [unknown, ...stamps],
      filled: [tcpOption.mss(1300), tcpOption.raw(syn ? 30 : 8, new Uint8Array(34))],
      repeated: Array<Uint8Array>(10).fill(tcpOption.mss(1300)),
    }[each.option];
    const told = this.#told.get(`${from} ${port} ${to} ${isn}`) ?? SERVER_ISN;
    const ack = (told + each.ack - SERVER_ISN) >>> 0;
    const seq = syn ? isn : isn + 1;
    const segment = below
      .tcp({ ...ports, flags: each.flags, seq, ack, options })
      .payload(this.#fitting(each, concat(...options).length));
    return each.gsoSize === 0 || each.cut !== 'no' ? segment : segment.offload({ gsoSize: each.gsoSize });
  }

  /**
   * No link carries more in one packet, and what comes in fragments is short. A SYN is one fragment and fits any way on:
   * from what is sent the model knows which local port was bound.
   */
  #fitting({ payload, gsoSize, cut, flags }: StepOf<'client'>, optionBytes: number): number {
    if (flags === 'S') return Math.min(payload, cut === 'no' ? 1300 : 9);
    if (cut !== 'no') return Math.min(payload, 40);
    if (gsoSize !== 0) return payload;
    return Math.min(payload, 1500 - this.#topology.ipHeader - 20 - 4 * Math.ceil(optionBytes / 4));
  }

  #stray({ port, flags }: StepOf<'stray'>): PacketBuilder {
    const { realServers, localAddresses } = this.#topology;
    const below = this.#fromServer(0).ip({ from: realServers[0]!, to: localAddresses[0]! });
    return below.tcp({ from: 9, to: port, flags, seq: 7, ack: flags.includes('A') ? 8 : 0 });
  }

  #answer(each: StepOf<'server'>): PacketBuilder | undefined {
    const talk = this.#talks.answerable(each.which);
    if (talk === undefined) return undefined;
    const { vip, server: from, local, isn } = talk;
    const index = this.#topology.realServers.indexOf(from.address);
    const { ttl } = each;
    const ethernet = each.forged
      ? packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      : this.#fromServer(index);
    const below = ethernet.ip({ from: from.address, to: local.address, ttl });
    const ports = { from: from.port, to: local.port };
    if (this.#services[vip.port - 80]?.protocol === 'udp')
      return below.udp(ports).payload(Math.min(each.payload, 40));
    const syn = each.flags.includes('S');
    const scale = each.windowScale === null ? [] : [tcpOption.nop, tcpOption.windowScale(each.windowScale)];
    const edges = !syn && each.flags.includes('A') ? (each.sack ?? []) : [];
    const sack = tcpOption.sack(...edges.map((edge) => (isn + edge) >>> 0));
    const rest = edges.length === 0 ? [] : [tcpOption.nop, tcpOption.nop, sack];
    return below
      .tcp({
        ...ports,
        flags: each.flags,
        seq: SERVER_ISN + (syn ? 3000 * (each.seq >> 1) : each.seq),
        ack: each.flags.includes('A') ? (isn + each.ack) >>> 0 : 0,
        options: syn ? [tcpOption.mss(each.mss), ...scale] : rest,
      })
      .payload(syn ? '' : Math.min(each.payload, 1428));
  }

  #fromServer(index: number): PacketBuilder {
    return packet().ethernet({ from: MACS.server(index), to: MACS.balancer[INSIDE] });
  }
}

/** The fragments of a frame's packet, which the first one holds the transport header of, and 8 bytes at least. */
function fragmentsOfFrame(frame: BuiltFrame): BuiltFrame[] {
  const { from, to, ip, tcp } = decodeFrame(frame);
  const { payload: body, protocol, trafficClass, ttl } = ip!;
  const below = packet().ethernet({ from, to });
  const first = 8 * Math.ceil((tcp?.headerLength ?? 8) / 8 + 1);
  const ends = { from: addressText(ip!.from), to: addressText(ip!.to) };
  const datagram = { ...ends, body, id: ID, protocol, trafficClass, ttl, below };
  return fragmentsOf(datagram, first).map((fragment) => fragment.build());
}
