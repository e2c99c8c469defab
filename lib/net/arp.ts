import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_ARP, writeMacs } from './ethernet.js';

/** ARP for IPv4 over Ethernet (RFC 826): offsets from the first byte after the Ethernet header. */
export const ARP_LENGTH = 28;
export const ARP_OPERATION = 6;
export const ARP_SENDER_MAC = 8;
export const ARP_SENDER_ADDRESS = 14;
export const ARP_TARGET_MAC = 18;
export const ARP_TARGET_ADDRESS = 24;

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

const HARDWARE_ETHERNET_PROTOCOL_IPV4 = 0x0001_0800;
const LENGTHS_6_4 = 0x0604;

/** Whether the 28 bytes at `at` are ARP for IPv4 over Ethernet. */
export function isEthernetIpv4Arp(view: DataView, at: number): boolean {
  return view.getInt32(at) === HARDWARE_ETHERNET_PROTOCOL_IPV4 && view.getUint16(at + 4) === LENGTHS_6_4;
}

/**
 * Writes a whole ARP frame at `at`, Ethernet header included; addresses as int32 in network order.
 * A request and an announcement go to everybody; a reply to `targetHigh:targetLow`.
 * @returns the frame's length, 42 bytes
 */
export function writeArp(
  view: DataView,
  at: number,
  operation: number,
  senderHigh: number,
  senderLow: number,
  sender: number,
  targetHigh: number,
  targetLow: number,
  target: number,
): number {
  const everybody = operation === ARP_REQUEST;
  writeMacs(view, at, everybody ? 0xffff : targetHigh, everybody ? -1 : targetLow, senderHigh, senderLow);
  view.setUint16(at + ETHERNET_TYPE, ETHERTYPE_ARP);
  const arp = at + ETHERNET_HEADER;
  view.setInt32(arp, HARDWARE_ETHERNET_PROTOCOL_IPV4);
  view.setUint16(arp + 4, LENGTHS_6_4);
  view.setUint16(arp + ARP_OPERATION, operation);
  view.setUint16(arp + ARP_SENDER_MAC, senderHigh);
  view.setInt32(arp + ARP_SENDER_MAC + 2, senderLow);
  view.setInt32(arp + ARP_SENDER_ADDRESS, sender);
  view.setUint16(arp + ARP_TARGET_MAC, targetHigh);
  view.setInt32(arp + ARP_TARGET_MAC + 2, targetLow);
  view.setInt32(arp + ARP_TARGET_ADDRESS, target);
  return ETHERNET_HEADER + ARP_LENGTH;
}
