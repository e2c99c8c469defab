/** Ethernet II (IEEE 802.3): destination 0, source 6, type 12. A MAC address is held as 16 high and 32 low bits. */
export const ETHERNET_HEADER = 14;
export const ETHERNET_SOURCE = 6;
export const ETHERNET_TYPE = 12;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;

/** Writes destination and source address; the type stays. MAC addresses as (16 high bits, 32 low bits). */
export function writeMacs(
  view: DataView,
  at: number,
  destinationHigh: number,
  destinationLow: number,
  sourceHigh: number,
  sourceLow: number,
): void {
  view.setUint16(at, destinationHigh);
  view.setInt32(at + 2, destinationLow);
  view.setUint16(at + 6, sourceHigh);
  view.setInt32(at + 8, sourceLow);
}

/** Sends a frame back where it came from: its source becomes the destination, `mac` the source. */
export function turnAround(view: DataView, at: number, sourceHigh: number, sourceLow: number): void {
  writeMacs(view, at, view.getUint16(at + 6), view.getInt32(at + 8), sourceHigh, sourceLow);
}
