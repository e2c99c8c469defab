/** IP addresses between text (RFC 4291, RFC 5952) and bytes. Nothing here throws: text that is wrong gives undefined. */

export type Family = 4 | 6;

/** One end of a TCP connection. `address` is canonical text; `port` is 0 where none is known. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly family: Family;
}

/** An address as bytes in network order: 4 or 16 of them. */
export interface ParsedAddress {
  readonly family: Family;
  readonly bytes: Uint8Array;
}

/** A block of addresses. `bytes` has the bits behind the prefix cleared; `hostBits` says that some were set in the text. */
export interface ParsedCidr extends ParsedAddress {
  readonly prefix: number;
  readonly hostBits: boolean;
}

/** Reads `a.b.c.d` or an IPv6 address. Strict: no leading zeros in an octet, no zone, no brackets, no blanks. */
export function parseAddress(text: string): ParsedAddress | undefined {
  const family = text.includes(':') ? 6 : 4;
  const bytes = family === 6 ? parseIpv6(text) : parseIpv4(text);
  return bytes && { family, bytes };
}

const OCTET = /^(?:0|[1-9]\d{0,2})$/;

function parseIpv4(text: string): Uint8Array | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255))
    return undefined;
  return Uint8Array.from(octets, Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (!head || !tail) return undefined;
  const given = head.length + tail.length;
  // "::" stands for at least one group (RFC 4291, 2.2); without it all sixteen bytes must be there.
  if (halves.length === 2 ? given > 14 : given !== 16) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

const GROUP = /^[0-9a-f]{1,4}$/i;

/** The bytes of `1:2:3`; the last group may be an IPv4 address where the text ends there. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      const octets = endsAddress && index === groups.length - 1 ? parseIpv4(group) : undefined;
      if (!octets) return undefined;
      bytes.push(...octets);
    }
  }
  return bytes;
}

/** The canonical text of the address at `offset`. IPv6 after RFC 5952; IPv4-mapped as `::ffff:192.0.2.1`. */
export function formatAddress(bytes: Uint8Array, offset: number, family: Family): string {
  if (family === 4) return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[offset + 2 * i]! << 8) | bytes[offset + 2 * i + 1]!,
  );
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `::ffff:${formatAddress(bytes, offset + 12, 4)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':'); // a single zero group is not shortened (RFC 5952, 4.2.2)
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

/** `203.0.113.7:51514`, `[2001:db8::7]:51514`. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

const ENDPOINT = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]*)):(0|[1-9]\d{0,4})$/;

/** Reads what {@link formatEndpoint} writes; ports 0..65535. The address comes back in canonical text. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = ENDPOINT.exec(text);
  const address = match && parseAddress(match[1] ?? match[2]!);
  const port = Number(match?.[3]);
  if (!address || port > 65535) return undefined;
  return { address: formatAddress(address.bytes, 0, address.family), port, family: address.family };
}

const PREFIX = /^(?:0|[1-9]\d{0,2})$/;

/** Reads `192.0.2.0/24`, `2001:db8::/32`; a bare address is a block of one. */
export function parseCidr(text: string): ParsedCidr | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = 8 * address.bytes.length;
  const suffix = slash < 0 ? String(bits) : text.slice(slash + 1);
  const prefix = Number(suffix);
  if (!PREFIX.test(suffix) || prefix > bits) return undefined;
  const bytes = address.bytes.map((byte, index) => byte & prefixMask(prefix - 8 * index));
  return {
    family: address.family,
    bytes,
    prefix,
    hostBits: bytes.some((byte, i) => byte !== address.bytes[i]),
  };
}

/** A byte with its first `bits` bits set; below 0 counts as 0, above 8 as 8. */
function prefixMask(bits: number): number {
  return (0xff00 >> Math.min(8, Math.max(0, bits))) & 0xff;
}

/** The address at `offset` as four signed 32-bit words, so that both families compare alike: IPv4 as IPv4-mapped (0, 0, 0xffff, v4). */
export function addressWords(bytes: Uint8Array, family: Family, offset = 0): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (family === 4) return Int32Array.of(0, 0, 0xffff, view.getInt32(offset));
  return Int32Array.from({ length: 4 }, (_, word) => view.getInt32(offset + 4 * word));
}

const MAPPED = '::ffff:';

/**
 * An endpoint with an IPv4-mapped address (`::ffff:192.0.2.1`) written as the IPv4 address that it is, and a link-local one
 * (`fe80::1%eth0`) without its interface, which the socket tells and a packet does not: a peer has one name.
 */
export function plainEndpoint(address: string, port: number): Endpoint {
  if (!address.includes(':')) return { address, port, family: 4 };
  if (address.startsWith(MAPPED) && address.includes('.')) {
    return { address: address.slice(MAPPED.length), port, family: 4 };
  }
  const zone = address.indexOf('%');
  return { address: zone < 0 ? address : address.slice(0, zone), port, family: 6 };
}
