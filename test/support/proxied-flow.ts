/** A connection through a SYN proxy, step by step: the client's handshake first, then the real server's. */
import assert from 'node:assert/strict';
import { Flow, type FlowSegment } from './flow.js';
import type { PacketBuilder } from './packet-builder.js';
import type { Sent } from './rig.js';
import { concat, onesSum, u16, u32 } from './wire.js';

const OWN_TTL = 64;

/** The client's ACK that brings its cookie back. */
export const HANDSHAKE_ACK: FlowSegment = { flags: 'A', seq: 1, ack: 1 };

export class ProxiedFlow extends Flow {
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

  /** As in any flow; NAT64's packets may be cut, except the balancer's own, which come from a whole hop away. */
  override toServer(segment: FlowSegment): [number, PacketBuilder] {
    const { family, realServers, serverPort } = this.rig.topology;
    const isNat64 = family === 6 && !realServers[0]!.includes(':');
    if (!isNat64 || segment.ip?.ttl === OWN_TTL) return super.toServer(segment);
    const seq = (this.balancerIsn + (segment.seq ?? 0)) >>> 0;
    const id = onesSum(concat(u16(this.localPort), u16(serverPort), u32(seq)));
    return super.toServer({ ...segment, ip: { id, dontFragment: false, ...segment.ip } });
  }

  /** The real server's SYN-ACK as it comes in. */
  synAck(segment: Partial<FlowSegment> = {}) {
    return this.fromServer({ flags: 'SA', ack: 1, options: this.synAckOptions, ...segment });
  }
}
