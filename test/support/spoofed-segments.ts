import { applyDelta, delta32 } from '../../lib/net/checksum.js';
import { packet } from './packet-builder.js';
import type { Random } from './random.js';
import { tcpOption } from './tcp-segment.js';

/** Where spoofed segments claim to come from: the networks for benchmarks (RFC 2544, RFC 5180), which nobody has. */
export const SPOOFED_NETWORKS = { 4: '198.18.0.0/15', 6: '2001:2::/48' } as const;

/** What an attacker sends: SYNs as Linux makes them, or ACKs with numbers that mean nothing. */
export type SpoofedKind = 'syn' | 'ack';

export interface SpoofedTarget {
  readonly address: string;
  readonly port: number;
  /** MAC addresses of the sender and of the next hop. */
  readonly macs: { readonly from: string; readonly to: string };
}

const CLIENT_BITS = { 4: 17, 6: 32 } as const;
const FIRST_CLIENT = { 4: '198.18.0.0', 6: '2001:2::' } as const;
const IP = 14;
const SEQUENCE = 4;
const ACKNOWLEDGMENT = 8;
const TCP_CHECKSUM = 16;

/** Segments of one kind to one service: any client, any port from 1024 on, any sequence numbers; all checksums are right. */
export class SpoofedSegments {
  /** One of them, as a frame. */
  readonly template: Uint8Array;
  readonly #random: Random;
  readonly #kind: SpoofedKind;
  readonly #family: 4 | 6;

  constructor(kind: SpoofedKind, { address, port, macs }: SpoofedTarget, random: Random) {
    this.#kind = kind;
    this.#random = random;
    this.#family = address.includes(':') ? 6 : 4;
    const { mss, sackPermitted, timestamps, nop, windowScale } = tcpOption;
    const options = [
      mss(this.#family === 4 ? 1460 : 1440),
      sackPermitted,
      timestamps(1, 0),
      nop,
      windowScale(7),
    ];
    this.template = packet()
      .ethernet(macs)
      .ip({ from: FIRST_CLIENT[this.#family], to: address })
      .tcp({
        from: 0,
        to: port,
        window: 64_240,
        ...(kind === 'syn' ? { flags: 'S', options } : { flags: 'A' }),
      })
      .bytes();
  }

  /** Makes another one of the frame that stands at `at`, which was the template. */
  renew(view: DataView, at: number): void {
    const ip = at + IP;
    const source = ip + (this.#family === 4 ? 12 : 20);
    const tcp = ip + (this.#family === 4 ? 20 : 40);
    const bits = CLIENT_BITS[this.#family];
    const client =
      ((view.getUint32(source) >>> (bits - 1)) >>> 1) * 2 ** bits + this.#random.below(2 ** bits);
    let delta = set32(view, source, client);
    if (this.#family === 4) applyDelta(view, ip + 10, delta);
    delta += set32(view, tcp, this.#random.between(1024, 65_535) * 0x1_0000 + view.getUint16(tcp + 2));
    delta += set32(view, tcp + SEQUENCE, this.#random.below(2 ** 32));
    if (this.#kind === 'ack') delta += set32(view, tcp + ACKNOWLEDGMENT, this.#random.below(2 ** 32));
    applyDelta(view, tcp + TCP_CHECKSUM, delta);
  }
}

/** Returns by how much this changes a checksum over it. */
function set32(view: DataView, at: number, value: number): number {
  const delta = delta32(view.getUint32(at), value);
  view.setUint32(at, value);
  return delta;
}
