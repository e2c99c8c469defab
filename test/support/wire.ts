/**
 * Bytes, addresses and checksums for tests, written slowly and obviously and without `lib/net`: what a test
 * expects must not come from the code that it tests.
 */

/** A host and a port, the address as 4 or 16 bytes. */
export interface HostPort {
  readonly address: Uint8Array;
  readonly port: number;
}

/** IP protocol numbers (IANA). */
export const PROTOCOL = { icmp: 1, ipip: 4, tcp: 6, udp: 17, ipv6: 41, icmpv6: 58 } as const;

/** The parts one after another. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Two bytes in network order. */
export function u16(value: number): Uint8Array {
  return Uint8Array.of((value >>> 8) & 255, value & 255);
}

/** Four bytes in network order. */
export function u32(value: number): Uint8Array {
  return concat(u16(value >>> 16), u16(value));
}

/** Reads two bytes in network order. */
export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Reads four bytes in network order, unsigned. */
export function readU32(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) * 65536 + readU16(bytes, at + 2);
}

/** `aa bb cc` or `aabbcc` as bytes. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

/** The bytes of an IPv4 or IPv6 address in text; hexadecimal groups only in the latter. */
export function address(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number));
  const [head = '', tail] = text.split('::');
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return concat(...[...before, ...zeros, ...after].map(u16));
}

/** An address in its usual text form (RFC 5952, shortened by the URL parser). */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => readU16(bytes, 2 * i).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** `203.0.113.7:51514` or `[2001:db8::7]:51514`. */
export function hostPortText({ address: bytes, port }: HostPort): string {
  return bytes.length === 4 ? `${addressText(bytes)}:${port}` : `[${addressText(bytes)}]:${port}`;
}

/** A host and a port from text: `hostPort('203.0.113.7', 51514)`. */
export function hostPort(text: string, port: number): HostPort {
  return { address: address(text), port };
}

/** The bytes of `02:00:00:00:00:01`. */
export function mac(text: string): Uint8Array {
  return hex(text.replaceAll(':', ''));
}

/** A MAC address in text. */
export function macText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Whether two byte strings are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The one's complement sum of RFC 1071, folded to 16 bits, not inverted. */
export function onesSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes[at]! * 256 + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 65536) + Math.floor(sum / 65536);
  return sum;
}

/** The internet checksum of RFC 1071. */
export function internetChecksum(bytes: Uint8Array): number {
  return 0xffff - onesSum(bytes);
}

/** The pseudo-header that TCP, UDP and ICMPv6 checksums cover (RFC 9293 3.1, RFC 8200 8.1). */
export function pseudoHeader(from: Uint8Array, to: Uint8Array, protocol: number, length: number): Uint8Array {
  return from.length === 4
    ? concat(from, to, Uint8Array.of(0, protocol), u16(length))
    : concat(from, to, u32(length), Uint8Array.of(0, 0, 0, protocol));
}
