import {
  ARP_LENGTH,
  ARP_OPERATION,
  ARP_REPLY,
  ARP_REQUEST,
  ARP_SENDER_ADDRESS,
  ARP_SENDER_MAC,
  ARP_TARGET_ADDRESS,
  isEthernetIpv4Arp,
  writeArp,
} from '../net/arp.js';
import { ETHERNET_HEADER } from '../net/ethernet.js';
import { PROTOCOL_ICMP } from '../net/ipv4.js';
import { NEXT_ICMPV6 } from '../net/ipv6.js';
import {
  NDP_FLAGS,
  NDP_NEIGHBOR_ADVERTISEMENT,
  NDP_NEIGHBOR_SOLICITATION,
  NDP_OVERRIDE,
  NDP_TARGET,
} from '../net/ndp.js';
import { MAPPED_WORD } from './address-words.js';
import { COUNTER, type Counters } from './counters.js';
import type { Emitted } from './emitted.js';
import type { Frame } from './frame.js';
import { isEchoRequest, turnEchoAround } from './icmp.js';
import type { LinkPort } from './link-port.js';
import {
  isValidNeighborMessage,
  NEIGHBOR_FRAME_MAX,
  neighborMac,
  writeSolicitedAdvertisement,
} from './neighbor-discovery.js';
import type { Neighbors } from './neighbors.js';
import type { OwnAddresses } from './own-addresses.js';
import { CONSUMED, DROPPED } from './verdict.js';

/** What is meant for the balancer itself: ARP, neighbor discovery, pings of its addresses. */
export class LocalDelivery {
  /** Replaced when the configuration changes. */
  own: OwnAddresses;
  readonly #neighbors: Neighbors;
  readonly #emitted: Emitted;
  readonly #counters: Counters;

  constructor(own: OwnAddresses, neighbors: Neighbors, emitted: Emitted, counters: Counters) {
    this.own = own;
    this.#neighbors = neighbors;
    this.#emitted = emitted;
    this.#counters = counters;
  }

  /** An ARP frame: answered in place where it asks for an address of ours (RFC 826). */
  arp(frame: Frame, link: LinkPort): number {
    const { view, start } = frame;
    const arp = start + ETHERNET_HEADER;
    if (frame.length < ETHERNET_HEADER + ARP_LENGTH || !isEthernetIpv4Arp(view, arp)) {
      return this.#drop(COUNTER['drop-bad-arp']);
    }
    const operation = view.getUint16(arp + ARP_OPERATION);
    const sender = view.getInt32(arp + ARP_SENDER_ADDRESS);
    const macHigh = view.getUint16(arp + ARP_SENDER_MAC);
    const macLow = view.getInt32(arp + ARP_SENDER_MAC + 2);
    const learned = this.#neighbors.learn(link.index, 0, 0, MAPPED_WORD, sender, macHigh, macLow, true);
    const target = view.getInt32(arp + ARP_TARGET_ADDRESS);
    if (operation !== ARP_REQUEST || !this.own.isAnswered(link.index, 0, 0, MAPPED_WORD, target)) {
      if (!learned) this.#counters.add(COUNTER['ignored-arp']);
      return CONSUMED;
    }
    writeArp(view, start, ARP_REPLY, link.macHigh, link.macLow, target, macHigh, macLow, sender);
    frame.length = ETHERNET_HEADER + ARP_LENGTH;
    frame.clearOffloads();
    this.#counters.add(COUNTER['answer-arp']);
    return link.index;
  }

  /** An IP packet that is neither TCP nor UDP, parsed. */
  notBalanced(frame: Frame, link: LinkPort, forUs: boolean): number {
    const isIcmp = frame.protocol === (frame.family === 4 ? PROTOCOL_ICMP : NEXT_ICMPV6);
    if (!isIcmp) return this.#drop(COUNTER['drop-unsupported-protocol']);
    if (frame.family === 6) {
      const type = frame.start + frame.length > frame.l4 ? frame.view.getUint8(frame.l4) : 0;
      if (type === NDP_NEIGHBOR_SOLICITATION || type === NDP_NEIGHBOR_ADVERTISEMENT) {
        return this.#neighborDiscovery(frame, link, type);
      }
    }
    const ours = this.own.has(frame.destination0, frame.destination1, frame.destination2, frame.destination3);
    if (!forUs || !ours || !isEchoRequest(frame)) {
      this.#counters.add(COUNTER['ignored-icmp']);
      return CONSUMED;
    }
    turnEchoAround(frame, link);
    frame.clearOffloads();
    this.#counters.add(COUNTER['answer-echo']);
    return link.index;
  }

  /** A solicitation or an advertisement (RFC 4861 7.2). */
  #neighborDiscovery(frame: Frame, link: LinkPort, type: number): number {
    // RFC 6980: not in fragments, which would hide it from those who watch over a link.
    if (frame.largestFragment !== 0 || !isValidNeighborMessage(frame))
      return this.#drop(COUNTER['drop-bad-ndp']);
    const { view } = frame;
    const target = Int32Array.from({ length: 4 }, (_, i) => view.getInt32(frame.l4 + NDP_TARGET + 4 * i));
    const [word0, word1, word2, word3] = target as unknown as [number, number, number, number];
    const mac = neighborMac(frame, type);
    let learned = false;
    if (mac !== -1) {
      const macHigh = view.getUint16(mac);
      const macLow = view.getInt32(mac + 2);
      if (type === NDP_NEIGHBOR_ADVERTISEMENT) {
        const override = (view.getInt32(frame.l4 + NDP_FLAGS) & NDP_OVERRIDE) !== 0;
        learned = this.#neighbors.learn(link.index, word0, word1, word2, word3, macHigh, macLow, override);
      } else {
        const { source0, source1, source2, source3 } = frame;
        learned = this.#neighbors.learn(
          link.index,
          source0,
          source1,
          source2,
          source3,
          macHigh,
          macLow,
          true,
        );
      }
    }
    if (type !== NDP_NEIGHBOR_SOLICITATION || !this.own.isAnswered(link.index, word0, word1, word2, word3)) {
      if (!learned) this.#counters.add(COUNTER['ignored-ndp']);
      return CONSUMED;
    }
    const answer = this.#emitted.take(NEIGHBOR_FRAME_MAX);
    if (answer === undefined) return this.#drop(COUNTER['drop-out-of-buffers']);
    answer.length = writeSolicitedAdvertisement(answer, link, frame, target);
    this.#emitted.send(answer, link.index);
    this.#counters.add(COUNTER['answer-ndp']);
    return CONSUMED;
  }

  #drop(counter: number): number {
    this.#counters.add(counter);
    return DROPPED;
  }
}
