/**
 * One connection through a rig, seen from its four sides: what the client and the real server send, and what each
 * must receive. Sequence numbers are relative to the two ends' initial ones, so tables stay readable: `seq: 1` is
 * the first byte of data.
 */
import assert from 'node:assert/strict';
import { type Ipv4Fields, type Ipv6Fields, type PacketBuilder, packet } from './packet-builder.js';
import type { Rig, Sent } from './rig.js';
import { type TcpFields, tcpOption } from './tcp-segment.js';
import { INSIDE, MACS, OUTSIDE, type Topology } from './topology.js';
import { addressText, hostPort } from './wire.js';

/** A segment of the flow; `seq` and `ack` relative, and headers' fields below it where they matter. */
export interface FlowSegment extends Partial<Omit<TcpFields, 'from' | 'to' | 'flags'>> {
  readonly flags: string;
  readonly ip?: Partial<Ipv4Fields & Ipv6Fields>;
  readonly payload?: string | Uint8Array | number;
}

export interface FlowOptions {
  /** Which client; default 7. */
  readonly client?: number;
  /** The client's port; default 51514. */
  readonly port?: number;
  /** The service's port; default: the topology's. */
  readonly servicePort?: number;
  readonly clientIsn?: number;
  readonly serverIsn?: number;
  readonly synOptions?: readonly Uint8Array[];
  readonly synAckOptions?: readonly Uint8Array[];
}

export class Flow {
  readonly rig: Rig;
  readonly clientIsn: number;
  readonly serverIsn: number;
  readonly #options: FlowOptions;
  readonly #topology: Topology;
  /** The initial sequence number that the real server sees, and the pair it sees the client as. */
  balancerIsn = 0;
  localAddress = '';
  localPort = 0;
  server = 0;

  constructor(rig: Rig, options: FlowOptions = {}) {
    this.rig = rig;
    this.#topology = rig.topology;
    this.#options = options;
    this.clientIsn = options.clientIsn ?? 0xfffffff0;
    this.serverIsn = options.serverIsn ?? 0x7ffffff8;
  }

  /** The option that tells the client's address. */
  get toa(): Uint8Array {
    return tcpOption.toa(hostPort(this.clientAddress, this.clientPort));
  }

  get clientAddress(): string {
    return this.#topology.client(this.#options.client ?? 7);
  }

  get clientPort(): number {
    return this.#options.port ?? 51514;
  }

  /** Sends the SYN, and learns from what comes out which pair and sequence number the balancer has chosen. */
  syn(segment: Partial<FlowSegment> = {}): Sent {
    const options = this.#options.synOptions ?? [];
    const sent = this.rig.send(...this.client({ flags: 'S', options, ...segment }));
    assert.equal(sent.length, 1, 'a SYN makes one frame come out');
    this.learn(sent[0]!);
    return sent[0]!;
  }

  /** Takes the chosen pair and sequence number from a forwarded SYN. */
  learn({ link, decoded: { ip, tcp } }: Sent): void {
    assert.ok(ip !== undefined && tcp !== undefined && link === INSIDE, 'a TCP segment goes inside');
    this.balancerIsn = tcp.seq;
    this.localAddress = addressText(ip.from);
    this.localPort = tcp.from;
    this.server = this.#topology.realServers.indexOf(addressText(ip.to));
  }

  /** SYN and SYN-ACK have passed. */
  half(): this {
    this.syn();
    const options = this.#options.synAckOptions ?? [];
    assert.equal(this.rig.send(...this.fromServer({ flags: 'SA', ack: 1, options })).length, 1);
    return this;
  }

  /** The whole handshake has passed. */
  open(): this {
    this.half();
    assert.equal(this.rig.send(...this.client({ flags: 'A', seq: 1, ack: 1 })).length, 1);
    return this;
  }

  /** The handshake and the server's first byte, acknowledged by the client: the option's time is over. */
  settled(): this {
    this.open();
    const data = this.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: 'x' });
    assert.equal(this.rig.send(...data).length, 1);
    assert.equal(this.rig.send(...this.client({ flags: 'A', seq: 1, ack: 2 })).length, 1);
    return this;
  }

  /** What the client sends, as the gateway hands it to the balancer. */
  client(segment: FlowSegment): [number, PacketBuilder] {
    const { vip } = this.#topology;
    const port = this.#options.servicePort ?? this.#topology.port;
    const built = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from: this.clientAddress, to: vip, ...segment.ip })
      .tcp(this.#fields(segment, this.clientPort, port, this.clientIsn, this.serverIsn));
    return [OUTSIDE, built.payload(segment.payload ?? '')];
  }

  /** What the real server must receive. */
  toServer(segment: FlowSegment): [number, PacketBuilder] {
    const { realServers, serverPort } = this.#topology;
    const built = packet()
      .ethernet({ from: MACS.balancer[INSIDE], to: MACS.server(this.server) })
      .ip({ from: this.localAddress, to: realServers[this.server]!, ttl: 63, ...segment.ip })
      .tcp(this.#fields(segment, this.localPort, serverPort, this.balancerIsn, this.serverIsn));
    return [INSIDE, built.payload(segment.payload ?? '')];
  }

  /** What the real server sends. */
  fromServer(segment: FlowSegment): [number, PacketBuilder] {
    const { realServers, serverPort } = this.#topology;
    const built = packet()
      .ethernet({ from: MACS.server(this.server), to: MACS.balancer[INSIDE] })
      .ip({ from: realServers[this.server]!, to: this.localAddress, ...segment.ip })
      .tcp(this.#fields(segment, serverPort, this.localPort, this.serverIsn, this.balancerIsn));
    return [INSIDE, built.payload(segment.payload ?? '')];
  }

  /** What the client must receive. */
  toClient(segment: FlowSegment): [number, PacketBuilder] {
    const { vip } = this.#topology;
    const port = this.#options.servicePort ?? this.#topology.port;
    const built = packet()
      .ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway })
      .ip({ from: vip, to: this.clientAddress, ttl: 63, ...segment.ip })
      .tcp(this.#fields(segment, port, this.clientPort, this.serverIsn, this.clientIsn));
    return [OUTSIDE, built.payload(segment.payload ?? '')];
  }

  #fields(segment: FlowSegment, from: number, to: number, seqBase: number, ackBase: number): TcpFields {
    const { ip: _ip, payload: _payload, seq = 0, ack, ...rest } = segment;
    return {
      ...rest,
      from,
      to,
      seq: (seqBase + seq) >>> 0,
      ack: ack === undefined ? 0 : (ackBase + ack) >>> 0,
    };
  }
}
