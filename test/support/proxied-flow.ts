/** A connection through a SYN proxy, step by step: the client's handshake first, then the real server's. */
import assert from 'node:assert/strict';
import type { SynProxyConfig } from '../../lib/balancer/config/model.js';
import { Flow, type FlowOptions, type FlowSegment } from './flow.js';
import type { PacketBuilder } from './packet-builder.js';
import { Rig, type RigOptions, type Sent } from './rig.js';
import { tcpOption } from './tcp-segment.js';
import { configuration, IPV4, IPV6, NAT64, type Topology } from './topology.js';
import { concat, onesSum, u16, u32 } from './wire.js';

const OWN_TTL = 64;

/** Of a service. */
type Fields = NonNullable<RigOptions['service']>;

/** How packets travel where both directions cross the balancer. */
export interface ProxiedWay {
  readonly way: string;
  readonly topology: Topology;
  readonly service?: Fields;
  /** Clients share local addresses: sequence numbers and the option are the balancer's affair. */
  readonly shared: boolean;
  /** What real servers are told that a client takes which announced 1460. */
  readonly mss: number;
}

export const PROXIED_WAYS: readonly ProxiedWay[] = [
  { way: 'FULLNAT over IPv4', topology: IPV4, shared: true, mss: 1452 },
  { way: 'FULLNAT over IPv6', topology: IPV6, shared: true, mss: 1420 },
  { way: 'NAT64', topology: NAT64, shared: true, mss: 1420 },
  { way: 'NAT over IPv4', topology: IPV4, service: { mode: 'nat' }, shared: false, mss: 1452 },
  { way: 'NAT over IPv6', topology: IPV6, service: { mode: 'nat' }, shared: false, mss: 1420 },
];

/** A balancer whose service is behind a SYN proxy. @param wishes fields of the service beside it */
export function proxiedRig(way: ProxiedWay, synProxy: SynProxyConfig = {}, wishes: Fields = {}): Rig {
  return new Rig(rigOptions(way, synProxy, wishes));
}

/** The configuration of such a balancer. */
export function proxiedConfig(way: ProxiedWay, synProxy: SynProxyConfig = {}, wishes: Fields = {}) {
  return configuration(way.topology, rigOptions(way, synProxy, wishes));
}

function rigOptions({ topology, service }: ProxiedWay, synProxy: SynProxyConfig, wishes: Fields): RigOptions {
  return { topology, service: { ...service, synProxy, ...wishes } };
}

/** The client's ACK that brings its cookie back. */
export const HANDSHAKE_ACK: FlowSegment = { flags: 'A', seq: 1, ack: 1 };

/** What a real server announces on Ethernet. */
export function serverMss({ realServers }: Topology): number {
  return realServers[0]!.includes(':') ? 1440 : 1460;
}

/** The balancer's SYN in place of that of a client which offers nothing but an MSS. */
export const OUR_SYN: FlowSegment = { flags: 'S', window: 5000 };

export class ProxiedFlow extends Flow {
  constructor(rig: Rig, options: FlowOptions = {}) {
    const mss = (size: number) => [tcpOption.mss(size)];
    super(rig, { synOptions: mss(1460), synAckOptions: mss(serverMss(rig.topology)), ...options });
  }

  /** A segment as the real server must get it while the option is due. */
  withToa(segment: FlowSegment): FlowSegment {
    if (this.rig.mode !== 'fullnat') return segment;
    return { ...segment, options: [this.toa, ...(segment.options ?? [])] };
  }

  /** The client's SYN; the SYN-ACK that comes back tells the cookie. */
  cookie(segment: Partial<FlowSegment> = {}): Sent {
    const sent = this.rig.send(...this.client({ flags: 'S', options: this.synOptions, ...segment }));
    assert.equal(sent.length, 1, 'a SYN is answered');
    assert.equal(sent[0]!.decoded.tcp?.flags, 'SA');
    this.toldIsn = sent[0]!.decoded.tcp.seq;
    return sent[0]!;
  }

  /** The cookie came back: the SYN to the real server is there. */
  begun(ack: FlowSegment = HANDSHAKE_ACK): this {
    this.cookie();
    const sent = this.rig.send(...this.client(ack));
    assert.equal(sent.length, 1, 'the SYN to the real server');
    this.learn(sent[0]!);
    return this;
  }

  /** The real server has answered, and has the client's ACK. */
  override open(synAck: Partial<FlowSegment> = {}): this {
    this.begun();
    assert.equal(this.rig.send(...this.synAck(synAck)).length, 1, 'the handshake ACK');
    return this;
  }

  /** The first byte of the real server is acknowledged: the option's time is over. */
  override settled(): this {
    return this.open().#firstByte();
  }

  /** As far without SYN proxy: the two ends shake hands themselves. */
  direct(): this {
    return super.open().#firstByte();
  }

  #firstByte(): this {
    const data = this.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: 'x' });
    assert.equal(this.rig.send(...data).length, 1);
    assert.equal(this.rig.send(...this.client({ flags: 'A', seq: 1, ack: 2 })).length, 1);
    return this;
  }

  /** As in any flow; NAT64's packets may be cut, except the balancer's own, which come from a whole hop away. */
  override toServer(segment: FlowSegment): [number, PacketBuilder] {
    const { family, realServers, serverPort } = this.rig.topology;
    const isNat64 = family === 6 && !realServers[0]!.includes(':');
    if (!isNat64 || segment.ip?.ttl === OWN_TTL) return super.toServer(segment);
    const seq = (this.balancerIsn + (segment.seq ?? 0)) >>> 0;
    const id = onesSum(concat(u16(this.localPort), u16(serverPort), u32(seq)));
    return super.toServer({ ...segment, ip: { id, dontFragment: false, ...segment.ip } });
  }

  /** What the client gets of the real server's SYN-ACK where it goes on. */
  toldSynAck(): [number, PacketBuilder] {
    const room = this.rig.mode === 'fullnat' ? this.rig.topology.toaLength : 0;
    return this.toClient({
      flags: 'SA',
      ack: 1,
      options: [tcpOption.mss(serverMss(this.rig.topology) - room)],
    });
  }

  /** The real server's SYN-ACK as it comes in. */
  synAck(segment: Partial<FlowSegment> = {}) {
    return this.fromServer({ flags: 'SA', ack: 1, options: this.synAckOptions, ...segment });
  }
}
