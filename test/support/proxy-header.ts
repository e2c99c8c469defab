import { concat, type HostPort, hex, u16 } from './wire.js';

/** Version 2 of the PROXY protocol, as its text has it: the header that tells who has connected to whom. */
export function proxyHeader(client: HostPort, vip: HostPort): Uint8Array {
  const told = concat(client.address, vip.address, u16(client.port), u16(vip.port));
  const family = client.address.length === 4 ? 0x11 : 0x21;
  return concat(hex('0d0a0d0a 000d0a51 5549540a'), Uint8Array.of(0x21, family), u16(told.length), told);
}
