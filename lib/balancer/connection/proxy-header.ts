import { isIpv4At } from '../address-words.js';
import { CLIENT, CLIENT_PORTS, VIP } from './record.js';

/**
 * Version 2 of HAProxy's PROXY protocol (proxy-protocol.txt, section 2.2): signature; version 2 and command PROXY; TCP
 * over IPv4 or IPv6; the length of what follows: source address, destination address, their ports.
 */
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const VERSION_2_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const FIXED = 16;

export const PROXY_HEADER_MAX = 52;

/** The bytes of the header that tells of a connection's client. */
export function proxyHeaderLength(words: Int32Array, base: number): number {
  return isIpv4At(words, base + CLIENT) ? 28 : 52;
}

/** Writes the header of the connection at `base` to the beginning of `bytes`. @returns its length */
export function writeProxyHeader(bytes: Uint8Array, words: Int32Array, base: number): number {
  const ipv4 = isIpv4At(words, base + CLIENT);
  const length = proxyHeaderLength(words, base);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  bytes.set(SIGNATURE);
  bytes[12] = VERSION_2_PROXY;
  bytes[13] = ipv4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
  view.setUint16(14, length - FIXED);
  const first = ipv4 ? 3 : 0;
  let at = FIXED;
  for (const address of [CLIENT, VIP]) {
    for (let i = first; i < 4; i++, at += 4) view.setInt32(at, words[base + address + i]!);
  }
  view.setInt32(at, words[base + CLIENT_PORTS]!);
  return length;
}
