import type { PacketBuilder } from '../support/packet-builder.js';
import type { TcpFields } from '../support/tcp-segment.js';

/** A large TCP packet before it is built: what stands before TCP (given the segment's number), its header, its data. */
export interface LargePacket {
  readonly below: (index: number) => PacketBuilder;
  readonly tcp: TcpFields;
  readonly payload: Uint8Array;
  readonly gsoSize: number;
}

/** The packets that a device makes of a large one: each built by itself, of its own piece of the data. */
export function segmentsOf({ below, tcp, payload, gsoSize }: LargePacket): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += gsoSize) pieces.push(payload.slice(at, at + gsoSize));
  return pieces.map((piece, index) => {
    const without = (index === 0 ? '' : 'C') + (index === pieces.length - 1 ? '' : 'FP');
    const flags = [...tcp.flags].filter((flag) => !without.includes(flag)).join('');
    const seq = ((tcp.seq ?? 0) + index * gsoSize) % 2 ** 32;
    return below(index)
      .tcp({ ...tcp, flags, seq })
      .payload(piece)
      .bytes();
  });
}
