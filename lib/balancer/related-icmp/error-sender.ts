import { ETHERNET_HEADER } from '../../net/ethernet.js';
import { CLIENT, LOCAL, OWNER, SERVER, SERVER_HOP, VIP } from '../connection/record.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import { writeErrorAround } from '../icmp-message.js';
import type { Neighbors } from '../neighbors.js';
import { copyAddresses } from '../packet-addresses.js';
import type { VirtualService } from '../service/virtual-service.js';
import { BYTES_IN, BYTES_OUT, PACKETS_IN, PACKETS_OUT, type Traffic } from '../statistics/traffic.js';
import { DROPPED } from '../verdict.js';
import type { ReceivedError } from './received-error.js';

/** Sends errors to the ends of connections, and counts them as their packets. */
export class ErrorSender {
  readonly #neighbors: Neighbors;
  readonly #traffic: Traffic;
  readonly #counters: Counters;
  /** Source and destination. */
  readonly #ends = new Int32Array(8);

  constructor(neighbors: Neighbors, traffic: Traffic, counters: Counters) {
    this.#neighbors = neighbors;
    this.#traffic = traffic;
    this.#counters = counters;
  }

  /** An error whose quote is ready, from the VIP. @returns as `Balancer.process` */
  toClient(frame: Frame, error: ReceivedError, words: Int32Array, base: number, hop: number): number {
    const bytes = frame.length - ETHERNET_HEADER;
    write(frame, error, words, base + VIP, base + CLIENT);
    const verdict = this.#address(frame, hop);
    if (verdict === DROPPED) return verdict;
    this.#counters.add(COUNTER['icmp-error-to-client']);
    this.#traffic.add(words[base + OWNER]! & 0xffff, PACKETS_OUT, 1);
    this.#traffic.add(words[base + OWNER]! & 0xffff, BYTES_OUT, bytes);
    return verdict;
  }

  /**
   * An error whose quote is ready: from the local address; with NAT, where the real server answers to the clients'
   * networks anyway, from the router that it is from.
   */
  toServer(frame: Frame, error: ReceivedError, words: Int32Array, base: number, isShared: boolean): number {
    const bytes = frame.length - ETHERNET_HEADER;
    const ends = this.#ends;
    copyAddresses(frame, ends);
    if (isShared) ends.set(words.subarray(base + LOCAL, base + LOCAL + 4));
    ends.set(words.subarray(base + SERVER, base + SERVER + 4), 4);
    write(frame, error, ends, 0, 4);
    return this.#toServer(frame, words, base, bytes);
  }

  /** An error about what a real server of DR or TUN has sent past us: it gets it as it gets the client's packets. */
  passOn(frame: Frame, words: Int32Array, base: number, { forwarding, toa }: VirtualService): number {
    const bytes = frame.length - ETHERNET_HEADER;
    const mtu = this.#neighbors.mtuOf(words[base + SERVER_HOP]!);
    if (bytes + forwarding.growth(words, base) > mtu) return this.#drop(COUNTER['drop-too-big']);
    forwarding.toServer(frame, words, base, toa, mtu, this.#counters);
    return this.#toServer(frame, words, base, bytes);
  }

  #toServer(frame: Frame, words: Int32Array, base: number, bytes: number): number {
    const verdict = this.#address(frame, words[base + SERVER_HOP]!);
    if (verdict === DROPPED) return verdict;
    this.#counters.add(COUNTER['icmp-error-to-server']);
    this.#traffic.add(words[base + OWNER]! & 0xffff, PACKETS_IN, 1);
    this.#traffic.add(words[base + OWNER]! & 0xffff, BYTES_IN, bytes);
    return verdict;
  }

  #address(frame: Frame, hop: number): number {
    if (frame.length - ETHERNET_HEADER > this.#neighbors.mtuOf(hop))
      return this.#drop(COUNTER['drop-too-big']);
    const verdict = this.#neighbors.address(frame, hop);
    if (verdict >= 0) this.#counters.add(COUNTER['frames-forwarded']);
    return verdict;
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return DROPPED;
  }
}

/** One hop less to live, as for any packet that is forwarded. */
function write(
  frame: Frame,
  { header, quote, hopLimit }: ReceivedError,
  words: Int32Array,
  source: number,
  destination: number,
): void {
  writeErrorAround(frame, quote.start, quote.length, header, hopLimit - 1, words, source, destination);
}
