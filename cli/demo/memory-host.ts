import type { MemoryLink } from '../../lib/link/index.js';
import { formatAddress } from '../../lib/net/address.js';
import { ARP_OPERATION, ARP_REQUEST, ARP_SENDER_ADDRESS, ARP_TARGET_ADDRESS } from '../../lib/net/arp.js';
import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_ARP, ETHERTYPE_IPV6 } from '../../lib/net/ethernet.js';
import { IPV6_HEADER, IPV6_NEXT_HEADER, IPV6_SOURCE, NEXT_ICMPV6 } from '../../lib/net/ipv6.js';
import { NDP_NEIGHBOR_SOLICITATION, NDP_TARGET } from '../../lib/net/ndp.js';
import { TCP_ACKNOWLEDGMENT, TCP_DATA_OFFSET, TCP_FLAGS, TCP_SEQUENCE } from '../../lib/net/tcp.js';
import { readSavedSyn } from '../../lib/toa/index.js';
import { arpReply, neighborAdvertisement, type Segment, type Stations, tcpFrame } from './memory-frames.js';

/** A segment that arrived, with its IP packet as it was. */
export interface ReceivedSegment extends Segment {
  packet: Uint8Array;
}

/** A machine at the other end of a memory link: it answers for its addresses, and gives and takes TCP segments. */
export class MemoryHost {
  /** Takes the segments that arrive. */
  onSegment: (segment: ReceivedSegment) => void = () => {};
  readonly #link: MemoryLink;
  readonly #stations: Stations;
  readonly #addresses: ReadonlySet<string>;

  constructor(link: MemoryLink, mac: Uint8Array, addresses: readonly string[]) {
    this.#link = link;
    this.#stations = { from: mac, to: link.mac };
    this.#addresses = new Set(addresses);
    link.onSend = (frame) => this.#receive(frame);
  }

  send(segment: Segment): void {
    this.#deliver(tcpFrame(this.#stations, segment));
  }

  /** Later, since the balancer may just be sending: a wire is not a call. */
  #deliver(frame: Uint8Array): void {
    setImmediate(() => this.#link.deliver(frame));
  }

  #receive(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const packet = frame.subarray(ETHERNET_HEADER);
    const type = view.getUint16(ETHERNET_TYPE);
    if (type === ETHERTYPE_ARP) this.#answerArp(packet);
    else if (type === ETHERTYPE_IPV6 && packet[IPV6_NEXT_HEADER] === NEXT_ICMPV6)
      this.#answerSolicitation(packet);
    else this.#takeSegment(packet);
  }

  #answerArp(packet: Uint8Array): void {
    const target = packet.subarray(ARP_TARGET_ADDRESS, ARP_TARGET_ADDRESS + 4);
    if (packet[ARP_OPERATION + 1] !== ARP_REQUEST || !this.#addresses.has(formatAddress(target, 0, 4)))
      return;
    const asker = packet.subarray(ARP_SENDER_ADDRESS, ARP_SENDER_ADDRESS + 4);
    this.#deliver(arpReply(this.#stations, target, asker));
  }

  #answerSolicitation(packet: Uint8Array): void {
    const message = packet.subarray(IPV6_HEADER);
    const target = message.subarray(NDP_TARGET, NDP_TARGET + 16);
    if (message[0] !== NDP_NEIGHBOR_SOLICITATION || !this.#addresses.has(formatAddress(target, 0, 6))) return;
    const asker = packet.subarray(IPV6_SOURCE, IPV6_SOURCE + 16);
    this.#deliver(neighborAdvertisement(this.#stations, target, asker));
  }

  #takeSegment(packet: Uint8Array): void {
    const read = readSavedSyn(packet);
    if (read === undefined) return;
    const { source, destination, tcpHeader } = read;
    const view = new DataView(tcpHeader.buffer, tcpHeader.byteOffset, tcpHeader.byteLength);
    const headerLength = (view.getUint8(TCP_DATA_OFFSET) >> 4) * 4;
    this.onSegment({
      packet,
      from: source,
      to: destination,
      flags: view.getUint8(TCP_FLAGS),
      sequence: view.getUint32(TCP_SEQUENCE),
      acknowledgment: view.getUint32(TCP_ACKNOWLEDGMENT),
      payload: Buffer.from(tcpHeader.subarray(headerLength)).toString(),
    });
  }
}
