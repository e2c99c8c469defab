/**
 * Clients and real servers made of `TinyTcp`, the balancer between them, and links that lose, delay and repeat
 * frames, all in one event loop with a clock of its own: a minute passes in milliseconds, and twice the same draw
 * gives twice the same bytes.
 */
import type { ForwardingMode } from '../../lib/balancer/config/model.js';
import { Balancer, Frame, HEADROOM } from '../../lib/balancer/index.js';
import { type BuiltFrame, packet } from './packet-builder.js';
import { type DecodedFrame, decodeFrame, describe } from './packet-decoder.js';
import { neighborReply, questionIn, SECRET } from './rig.js';
import type { TcpSegment } from './tcp-segment.js';
import { type OutgoingSegment, TinyTcp, type TinyTcpOptions } from './tiny-tcp.js';
import {
  configuration,
  INSIDE,
  isOneWay,
  links,
  MACS,
  OUTSIDE,
  type Topology,
  type Wishes,
} from './topology.js';
import { addressText, hostPort, hostPortText } from './wire.js';

const VIRTIO_HEADER = 10;
const ADVANCE_EVERY = 250;

/** How many milliseconds a frame takes, for each copy that arrives: `[]` loses it, two numbers repeat it. */
export type Fate = readonly number[];

export interface NetworkOptions extends Wishes {
  readonly topology: Topology;
  /** Drawn for one frame after another; when they are used up every frame arrives after a millisecond. */
  readonly fates?: readonly Fate[];
  readonly mtus?: readonly [number, number];
  /** What real servers' endpoints are like. */
  readonly server?: Partial<TinyTcpOptions>;
  /** Called for every connection that a real server accepts. */
  readonly onAccept?: (connection: ServerConnection) => void;
}

/** A connection as a real server has it. */
export interface ServerConnection {
  readonly tcp: TinyTcp;
  /** Index of the real server. */
  readonly server: number;
  /** Every segment that arrived for it, in order of arrival. */
  readonly arrived: TcpSegment[];
}

export class SimulatedNetwork {
  readonly balancer: Balancer;
  readonly clients: TinyTcp[] = [];
  readonly accepted: ServerConnection[] = [];
  /** Things that must never happen, in words. */
  readonly complaints: string[] = [];
  now = 0;
  readonly #options: NetworkOptions;
  readonly #topology: Topology;
  readonly #fates: Fate[];
  #inFlight: { at: number; link: number; toBalancer: boolean; frame: BuiltFrame }[] = [];
  #nextAdvance = ADVANCE_EVERY;
  #nextIsn = 0xfffffc00;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#topology = options.topology;
    this.#fates = [...(options.fates ?? [])];
    const config = configuration(options.topology, options);
    this.balancer = new Balancer(config, { links: links(options.mtus), secret: SECRET, now: 0 });
    this.balancer.start(0);
    this.#drain();
  }

  /** A client that connects to the service at once: the n-th client's address, and a port of its own. */
  connect(n: number, port: number, options: Partial<TinyTcpOptions> = {}): TinyTcp {
    const { topology } = this.#options;
    const local = hostPort(topology.client(n), port);
    const client = new TinyTcp({ local, isn: this.#drawIsn(), ...options });
    this.clients.push(client);
    client.connect(hostPort(topology.vip, topology.port), this.now);
    this.#collect();
    return client;
  }

  /** Runs until every endpoint is closed and no frame is under way; throws when that takes a day. */
  settle(): void {
    this.#collect();
    while (this.#step()) if (this.now > 86_400_000) throw new Error('the network never came to rest');
  }

  /** Runs until `done` says so. */
  settleUntil(done: () => boolean): void {
    this.#collect();
    while (!done()) if (!this.#step()) throw new Error('the network came to rest too early');
  }

  /** Lets time go on, whether anything is under way or not. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.now < end) this.#moveTo(Math.min(this.#nextAdvance, end));
  }

  #step(): boolean {
    const timers = this.#endpoints().map((tcp) => tcp.nextTimer ?? Infinity);
    const next = Math.min(...this.#inFlight.map(({ at }) => at), ...timers);
    if (next === Infinity) return false;
    this.#moveTo(Math.max(this.now, Math.min(next, this.#nextAdvance)));
    return true;
  }

  #moveTo(time: number): void {
    this.now = time;
    if (time >= this.#nextAdvance) {
      this.#nextAdvance += ADVANCE_EVERY;
      let more = true;
      while (more) {
        more = this.balancer.advance(time);
        this.#drain();
      }
    }
    for (const tcp of this.#endpoints()) tcp.advance(time);
    const due = this.#inFlight.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at);
    this.#inFlight = this.#inFlight.filter(({ at }) => at > time);
    for (const { link, toBalancer, frame } of due) {
      if (toBalancer) this.#balance(link, frame);
      else this.#deliver(link, frame);
    }
    this.#collect();
  }

  #endpoints(): TinyTcp[] {
    return [...this.clients, ...this.accepted.map(({ tcp }) => tcp)];
  }

  /** Takes what the endpoints want to send and puts it on their links. */
  #collect(): void {
    for (const client of this.clients) {
      for (const segment of client.takeSegments()) this.#transmit(OUTSIDE, MACS.gateway, segment);
    }
    for (const { tcp, server } of this.accepted) {
      for (const segment of tcp.takeSegments()) {
        if (isOneWay(this.#mode)) this.#passBy(MACS.server(server), segment);
        else this.#transmit(INSIDE, MACS.server(server), segment);
      }
    }
  }

  #transmit(link: number, from: string, segment: OutgoingSegment): void {
    this.#launch(link, true, frameOf(from, MACS.balancer[link]!, segment));
  }

  /** A real server's answer goes to the client past the balancer. */
  #passBy(from: string, segment: OutgoingSegment): void {
    this.#launch(OUTSIDE, false, frameOf(from, MACS.gateway, segment));
  }

  get #mode(): ForwardingMode {
    return this.#options.service?.mode ?? 'fullnat';
  }

  /** Puts a frame on a link, to arrive as its fate says. */
  #launch(link: number, toBalancer: boolean, frame: BuiltFrame): void {
    for (const delay of this.#fates.shift() ?? [1]) {
      this.#inFlight.push({ at: this.now + delay, link, toBalancer, frame });
    }
  }

  #balance(link: number, { bytes, virtio }: BuiltFrame): void {
    const start = HEADROOM + VIRTIO_HEADER;
    const buffer = new Uint8Array(start + bytes.length);
    buffer.set(virtio, HEADROOM);
    buffer.set(bytes, start);
    const frame = new Frame(buffer).at(start, bytes.length, link);
    const verdict = this.balancer.process(frame, this.now);
    this.#drain();
    if (verdict >= 0) this.#launch(verdict, false, taken(frame));
  }

  #drain(): void {
    const { emitted } = this.balancer;
    for (let i = 0; i < emitted.count; i++) this.#launch(emitted.link(i), false, taken(emitted.frame(i)));
    emitted.clear();
  }

  #deliver(link: number, frame: BuiltFrame): void {
    const decoded = decodeFrame(frame);
    const question = questionIn(decoded);
    if (question !== undefined) {
      this.#answer(link, question);
      return;
    }
    const { ip, tcp } = decoded.inner ?? decoded;
    if (ip === undefined || tcp === undefined) return;
    if (!tcp.checksumRight || !ip.checksumRight) this.complaints.push(`bad checksum: ${describe(frame)}`);
    const headers = decoded.ip!.totalLength - tcp.payload.length;
    this.#checkSize(link, frame, headers, tcp.payload.length);
    const segment = {
      from: ip.from,
      to: ip.to,
      bytes: ip.payload,
      partialChecksum: (decoded.virtio.flags & 1) !== 0,
    };
    if (link === OUTSIDE) {
      for (const client of this.clients) client.receive(segment, this.now);
    } else {
      const connection = this.#connectionOf(decoded, segment.from, tcp, segment.to);
      connection?.arrived.push(tcp);
      connection?.tcp.receive(segment, this.now);
    }
  }

  #answer(link: number, { target, asker }: { target: string; asker: string }): void {
    const { gateway, realServers } = this.#topology;
    const server = realServers.indexOf(target);
    if (target !== gateway && server === -1) return;
    const macAddress = server === -1 ? MACS.gateway : MACS.server(server);
    this.#launch(link, true, neighborReply(link, target, macAddress, asker).build());
  }

  #checkSize(link: number, frame: BuiltFrame, headers: number, payload: number): void {
    const { gsoType, gsoSize } = decodeFrame(frame).virtio;
    const largest = headers + (gsoType === 0 ? payload : gsoSize);
    const mtu = (this.#options.mtus ?? [1500, 1500])[link]!;
    if (largest > mtu) this.complaints.push(`larger than the MTU of ${mtu}: ${describe(frame)}`);
  }

  /** The connection that a segment belongs to on a real server, made when it is a SYN for none that is open. */
  #connectionOf(
    { to: mac, ip }: DecodedFrame,
    from: Uint8Array,
    tcp: TcpSegment,
    to: Uint8Array,
  ): ServerConnection | undefined {
    const peer = hostPortText({ address: from, port: tcp.from });
    const { realServers } = this.#topology;
    const server =
      this.#mode === 'dr'
        ? realServers.findIndex((_, n) => MACS.server(n) === mac)
        : realServers.indexOf(addressText(ip!.to));
    if (mac !== MACS.server(server)) this.complaints.push(`${addressText(ip!.to)} is not at ${mac}`);
    const known = this.accepted.findLast(
      (connection) => connection.server === server && peer === remoteText(connection.tcp),
    );
    if (tcp.flags !== 'S') return known;
    if (known !== undefined && known.tcp.peerIsn === tcp.seq) return known;
    if (known !== undefined && !['closed', 'time-wait'].includes(known.tcp.state)) {
      this.complaints.push(`${peer} is used for a second connection to real server ${server}`);
    }
    const options = { local: { address: to, port: tcp.to }, isn: this.#drawIsn(), ...this.#options.server };
    const connection = { tcp: new TinyTcp(options), server, arrived: [] };
    connection.tcp.listen();
    this.accepted.push(connection);
    this.#options.onAccept?.(connection);
    return connection;
  }

  #drawIsn(): number {
    this.#nextIsn = (this.#nextIsn + 0x10000123) >>> 0;
    return this.#nextIsn;
  }
}

function remoteText({ remote }: TinyTcp): string | undefined {
  return remote === undefined ? undefined : hostPortText(remote);
}

function frameOf(from: string, to: string, segment: OutgoingSegment): BuiltFrame {
  const { bytes, gsoSize, partialChecksum } = segment;
  const built = packet()
    .ethernet({ from, to })
    .ip({ from: segment.from.address, to: segment.to.address })
    .tcpBytes(bytes);
  return (partialChecksum ? built.offload(gsoSize > 0 ? { gsoSize } : {}) : built).build();
}

function taken({ bytes, start, length }: Frame): BuiltFrame {
  return {
    bytes: bytes.slice(start, start + length),
    virtio: bytes.slice(start - VIRTIO_HEADER, start),
  };
}
