/**
 * One connection through a rig, seen from its four sides: what the client and the real server send, and what each
 * must receive. Sequence numbers are relative to the two ends' initial ones, so tables stay readable: `seq: 1` is
 * the first byte of data.
 */
import assert from 'node:assert/strict';
import type { ForwardingMode } from '../../lib/balancer/config/model.js';
import type { PacketBuilder } from './packet-builder.js';
import type { Rig, Sent } from './rig.js';
import { type TcpFields, tcpOption } from './tcp-segment.js';
import { INSIDE, isOneWay } from './topology.js';
import { type IpWishes, type Side, Ways } from './ways.js';
import { hostPort } from './wire.js';

/** A segment of the flow; `seq` and `ack` relative, and headers' fields below it where they matter. */
export interface FlowSegment extends Partial<Omit<TcpFields, 'from' | 'to' | 'flags'>> {
  readonly flags: string;
  readonly ip?: IpWishes;
  /** TUN: what is otherwise in the outer header than in the inner one. */
  readonly outer?: IpWishes;
  readonly payload?: string | Uint8Array | number;
}

export interface FlowOptions {
  /** Which client; default 7. */
  readonly client?: number;
  /** The client's port; default 51514. */
  readonly port?: number;
  /** The service's port; default: the topology's. */
  readonly servicePort?: number;
  /** How its packets travel; default: as the rig's service says. */
  readonly mode?: ForwardingMode;
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
  readonly ways: Ways;
  /** The initial sequence number that the real server sees. */
  balancerIsn = 0;
  /** The real server's initial sequence number as the client was told it: by a SYN proxy another one. */
  toldIsn: number;

  constructor(rig: Rig, options: FlowOptions = {}) {
    this.rig = rig;
    this.#options = options;
    this.clientIsn = options.clientIsn ?? 0xfffffff0;
    this.serverIsn = options.serverIsn ?? 0x7ffffff8;
    this.toldIsn = this.serverIsn;
    this.ways = new Ways({
      topology: rig.topology,
      mode: options.mode ?? rig.mode,
      clientAddress: this.clientAddress,
      clientPort: this.clientPort,
      servicePort: options.servicePort ?? rig.topology.port,
    });
  }

  /** The option that tells the client's address. */
  get toa(): Uint8Array {
    return tcpOption.toa(hostPort(this.clientAddress, this.clientPort));
  }

  get synOptions(): readonly Uint8Array[] {
    return this.#options.synOptions ?? [];
  }

  get synAckOptions(): readonly Uint8Array[] {
    return this.#options.synAckOptions ?? [];
  }

  /** The real server's packets do not come by. */
  get #isOneWay(): boolean {
    return isOneWay(this.#options.mode ?? this.rig.mode);
  }

  get clientAddress(): string {
    return this.rig.topology.client(this.#options.client ?? 7);
  }

  get clientPort(): number {
    return this.#options.port ?? 51514;
  }

  /** Sends the SYN, and learns from what comes out which pair and sequence number the balancer has chosen. */
  syn(segment: Partial<FlowSegment> = {}): Sent {
    const options = this.synOptions;
    const sent = this.rig.send(...this.client({ flags: 'S', options, ...segment }));
    assert.equal(sent.length, 1, 'a SYN makes one frame come out');
    this.learn(sent[0]!);
    return sent[0]!;
  }

  /** Takes the chosen pair and sequence number from a forwarded SYN. */
  learn(sent: Sent): void {
    const { tcp } = sent.decoded.inner ?? sent.decoded;
    assert.ok(tcp !== undefined && sent.link === INSIDE, 'a TCP segment goes inside');
    this.balancerIsn = tcp.seq;
    this.ways.learn(sent);
  }

  /** The pair that the real server sees the client as, and which real server it is. */
  get localAddress(): string {
    return this.ways.localAddress;
  }

  get localPort(): number {
    return this.ways.localPort;
  }

  get server(): number {
    return this.ways.server;
  }

  /** SYN and SYN-ACK have passed. */
  half(): this {
    this.syn();
    if (this.#isOneWay) return this;
    const options = this.synAckOptions;
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
    if (!this.#isOneWay) {
      const data = this.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: 'x' });
      assert.equal(this.rig.send(...data).length, 1);
    }
    assert.equal(this.rig.send(...this.client({ flags: 'A', seq: 1, ack: 2 })).length, 1);
    return this;
  }

  /** What the client sends, as the gateway hands it to the balancer. */
  client(segment: FlowSegment): [number, PacketBuilder] {
    return this.#on(this.ways.client(segment.ip), segment, this.clientIsn, this.toldIsn);
  }

  /** What the real server must receive. */
  toServer(segment: FlowSegment): [number, PacketBuilder] {
    const side = this.ways.toServer(segment.ip, segment.outer);
    return this.#on(side, segment, this.balancerIsn, this.serverIsn);
  }

  /** What the real server sends. */
  fromServer(segment: FlowSegment): [number, PacketBuilder] {
    return this.#on(this.ways.fromServer(segment.ip), segment, this.serverIsn, this.balancerIsn);
  }

  /** What the client must receive. */
  toClient(segment: FlowSegment): [number, PacketBuilder] {
    return this.#on(this.ways.toClient(segment.ip), segment, this.toldIsn, this.clientIsn);
  }

  #on(
    { link, below, from, to }: Side,
    segment: FlowSegment,
    seqBase: number,
    ackBase: number,
  ): [number, PacketBuilder] {
    const built = below.tcp(this.#fields(segment, from, to, seqBase, ackBase));
    return [link, built.payload(segment.payload ?? '')];
  }

  #fields(segment: FlowSegment, from: number, to: number, seqBase: number, ackBase: number): TcpFields {
    const { ip: _ip, outer: _outer, payload: _payload, seq = 0, ack, ...rest } = segment;
    return {
      ...rest,
      from,
      to,
      seq: (seqBase + seq) >>> 0,
      ack: ack === undefined ? 0 : (ackBase + ack) >>> 0,
    };
  }
}
