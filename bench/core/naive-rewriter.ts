import { addressText } from '../../test/support/wire.js';
import type { KnownSegment } from './scenario.js';

const IP = 14;
const TCP = IP + 20;

interface Translation {
  source: { address: Uint8Array; port: number };
  destination: { address: Uint8Array; port: number };
  sequenceDelta: number;
  acknowledgmentDelta: number;
}

/**
 * The same rewrite of IPv4 segments written as one would at first: the connection as a string, a Map, an object for
 * what is found, both checksums computed afresh. What the core is compared with, to see what its care is worth.
 */
export class NaiveRewriter {
  readonly #translations = new Map<string, Translation>();

  constructor(segments: readonly KnownSegment[]) {
    for (const { bytes, forwarded } of segments) this.#learn(bytes, forwarded);
  }

  /** Rewrites a segment in place; throws when its connection is not known. */
  rewrite(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const translation = this.#translations.get(key(bytes));
    if (translation === undefined) throw new Error('a segment of a known connection was not found');
    const { source, destination, sequenceDelta, acknowledgmentDelta } = translation;
    bytes.set(source.address, IP + 12);
    bytes.set(destination.address, IP + 16);
    bytes[IP + 8]! -= 1;
    view.setUint16(TCP, source.port);
    view.setUint16(TCP + 2, destination.port);
    view.setUint32(TCP + 4, view.getUint32(TCP + 4) + sequenceDelta);
    view.setUint32(TCP + 8, view.getUint32(TCP + 8) + acknowledgmentDelta);
    view.setUint16(IP + 10, 0);
    view.setUint16(IP + 10, ~sum(bytes.subarray(IP, TCP), 0) & 0xffff);
    const pseudoHeader = sum(bytes.subarray(IP + 12, TCP), 6 + bytes.length - TCP);
    view.setUint16(TCP + 16, 0);
    view.setUint16(TCP + 16, ~sum(bytes.subarray(TCP), pseudoHeader) & 0xffff);
  }

  #learn(bytes: Uint8Array, { ip, tcp }: KnownSegment['forwarded']): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#translations.set(key(bytes), {
      source: { address: ip!.from, port: tcp!.from },
      destination: { address: ip!.to, port: tcp!.to },
      sequenceDelta: tcp!.seq - view.getUint32(TCP + 4),
      acknowledgmentDelta: tcp!.ack - view.getUint32(TCP + 8),
    });
  }
}

function key(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const source = `${addressText(bytes.subarray(IP + 12, IP + 16))}:${view.getUint16(TCP)}`;
  const destination = `${addressText(bytes.subarray(IP + 16, IP + 20))}:${view.getUint16(TCP + 2)}`;
  return `${source}-${destination}`;
}

function sum(bytes: Uint8Array, start: number): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
