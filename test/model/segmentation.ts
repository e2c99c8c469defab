import type { PacketBuilder } from '../support/packet-builder.js';
import type { TcpFields } from '../support/tcp-segment.js';

/** A large TCP packet before it is built: what stands before TCP (given the segment's number), its header, its data. */
export interface LargePacket {
  readonly below: (index: number) => PacketBuilder;
  readonly tcp: TcpFields;
  readonly payload: Uint8Array;
  readonly gsoSize: number;
}

/** A part of a large packet: what of its TCP header differs, and its data. */
export interface Piece {
  readonly flags: string;
  readonly seq: number;
  readonly payload: Uint8Array;
}

/** What a device cuts a large packet into. */
export function pieces({ flags, seq, payload, gsoSize }: Piece & { readonly gsoSize: number }): Piece[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < payload.length; at += gsoSize)
    parts.push(payload.slice(at, at + gsoSize));
  return parts.map((part, index) => {
    const without = (index === 0 ? '' : 'C') + (index === parts.length - 1 ? '' : 'FP');
    return {
      flags: [...flags].filter((flag) => !without.includes(flag)).join(''),
      seq: (seq + index * gsoSize) % 2 ** 32,
      payload: part,
    };
  });
}

/** The packets that a device makes of a large one: each built by itself, of its own piece of the data. */
export function segmentsOf({ below, tcp, payload, gsoSize }: LargePacket): Uint8Array[] {
  return pieces({ flags: tcp.flags, seq: tcp.seq ?? 0, payload, gsoSize }).map((piece, index) =>
    below(index)
      .tcp({ ...tcp, flags: piece.flags, seq: piece.seq })
      .payload(piece.payload)
      .bytes(),
  );
}
