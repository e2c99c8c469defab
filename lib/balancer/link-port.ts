import { isIpv4 } from './address-words.js';

/** What the balancer knows of a link: the station address it answers with, and what fits through. */
export interface LinkHardware {
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** The largest IP packet, in bytes: 1280 to 65535. */
  readonly mtu: number;
}

/** A link as the packet path wants it: the MAC address as 16 high and 32 low bits. */
export class LinkPort {
  readonly name: string;
  readonly index: number;
  readonly macHigh: number;
  readonly macLow: number;
  readonly mtu: number;
  /** Its IPv6 address that every link has (RFC 4291 2.5.6, appendix A: from the MAC address), four words. */
  readonly linkLocal: Int32Array;
  /** The first of each family that the configuration gives it; undefined without any. */
  readonly ipv4: Int32Array | undefined;
  readonly ipv6: Int32Array | undefined;

  /** @param addresses its own in the configuration, four words each */
  constructor(name: string, index: number, hardware: LinkHardware, addresses: readonly Int32Array[]) {
    const view = new DataView(hardware.mac.buffer, hardware.mac.byteOffset, hardware.mac.byteLength);
    this.name = name;
    this.index = index;
    this.macHigh = view.getUint16(0);
    this.macLow = view.getInt32(2);
    this.mtu = hardware.mtu;
    this.ipv4 = addresses.find(isIpv4);
    this.ipv6 = addresses.find((address) => !isIpv4(address));
    const [a, b, c] = hardware.mac as unknown as [number, number, number];
    this.linkLocal = Int32Array.of(
      0xfe80_0000 | 0,
      0,
      ((a ^ 2) << 24) | (b << 16) | (c << 8) | 0xff,
      (0xfe << 24) | (this.macLow & 0x00ff_ffff),
    );
  }
}
