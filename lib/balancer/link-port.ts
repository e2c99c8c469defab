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

  constructor(name: string, index: number, hardware: LinkHardware) {
    const view = new DataView(hardware.mac.buffer, hardware.mac.byteOffset, hardware.mac.byteLength);
    this.name = name;
    this.index = index;
    this.macHigh = view.getUint16(0);
    this.macLow = view.getInt32(2);
    this.mtu = hardware.mtu;
  }
}
