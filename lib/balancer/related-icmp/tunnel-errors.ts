import {
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_UNREACHABLE,
} from '../../net/icmp.js';
import { PROTOCOL_IPIP, PROTOCOL_IPV6 } from '../../net/ipv4.js';
import { IPV6_MIN_MTU } from '../../net/ipv6.js';
import { sameAddress } from '../address-words.js';
import type { ConnectionTable } from '../connection/connection-table.js';
import { CLIENT, LOCAL, OWNER, RECORD_WORDS, SERVER, SERVER_HOP } from '../connection/record.js';
import { COUNTER, type Counters } from '../counters.js';
import { isCuttable } from '../forwarding/tunnel.js';
import type { Frame } from '../frame.js';
import type { Neighbors } from '../neighbors.js';
import { copyAddresses } from '../packet-addresses.js';
import { PARSED } from '../parse.js';
import type { Routes } from '../routes.js';
import type { Directory } from '../service/directory.js';
import { CONSUMED, DROPPED } from '../verdict.js';
import type { ErrorSender } from './error-sender.js';
import { soundMtu, turnIntoIcmp, turnIntoIcmpv6 } from './error-translation.js';
import { quotedTotal, readQuotedIp, readQuotedTransport } from './quoted-packet.js';
import type { ReceivedError } from './received-error.js';

/** No path MTU below this is believed: Linux's min_pmtu for IPv4, and IPv6's least. */
const LEAST_PATH_MTU = 552;

/** Whether the packet that an error quotes is one with another packet inside. */
export function isAboutTunnel({ quote: { protocol } }: ReceivedError): boolean {
  return protocol === PROTOCOL_IPIP || protocol === PROTOCOL_IPV6;
}

/**
 * ICMP errors about the outer packets of TUN: told to the client as if they were about the inner one. A path MTU is
 * remembered for the real server, so that the next packet that is too big is answered at once.
 */
export class TunnelErrors {
  /** Replaced when the configuration changes. */
  routes: Routes;
  readonly #table: ConnectionTable;
  readonly #directory: Directory;
  readonly #neighbors: Neighbors;
  readonly #sender: ErrorSender;
  readonly #counters: Counters;
  /** The tunnel's two ends, ours first. */
  readonly #ends = new Int32Array(8);

  constructor(parts: {
    table: ConnectionTable;
    directory: Directory;
    neighbors: Neighbors;
    routes: Routes;
    sender: ErrorSender;
    counters: Counters;
  }) {
    this.routes = parts.routes;
    this.#table = parts.table;
    this.#directory = parts.directory;
    this.#neighbors = parts.neighbors;
    this.#sender = parts.sender;
    this.#counters = parts.counters;
  }

  /** @param tick the time @returns as `Balancer.process` */
  process(frame: Frame, error: ReceivedError, tick: number): number {
    const { quote, header } = error;
    const outerFamily = quote.family;
    const outerTotal = quotedTotal(quote);
    const headers = quote.l4 - quote.l3;
    copyAddresses(quote, this.#ends);
    const family = quote.protocol === PROTOCOL_IPIP ? 4 : 6;
    let fault = readQuotedIp(quote, family, quote.l4, quote.start + quote.length);
    if (fault === PARSED) fault = readQuotedTransport(quote);
    if (fault !== PARSED) return this.#drop(fault);
    const base = this.#connectionOf(quote);
    if (base === -1) return this.#drop(COUNTER['drop-icmp-unknown-connection']);
    const { words } = this.#table;
    if (frame.link !== this.#neighbors.linkOf(words[base + SERVER_HOP]!)) {
      return this.#drop(COUNTER['drop-icmp-wrong-side']);
    }
    if (error.hopLimit <= 1) return this.#drop(COUNTER['drop-ttl-expired']);

    if (error.mtu !== 0) {
      if (error.mtu >= outerTotal) return this.#drop(COUNTER['drop-icmp-implausible']);
      const mtu = Math.max(error.mtu, outerFamily === 4 ? LEAST_PATH_MTU : IPV6_MIN_MTU);
      this.#directory.pathMtus.learn(words[base + OWNER]! & 0xffff, mtu, tick);
      header.value = soundMtu(mtu - headers, family);
    } else if (!isAboutWay(header.type, outerFamily)) return this.#drop(COUNTER['drop-icmp-untranslatable']);
    if (family !== outerFamily && !(family === 4 ? turnIntoIcmp(header) : turnIntoIcmpv6(header))) {
      return this.#drop(COUNTER['drop-icmp-untranslatable']);
    }
    if (error.mtu !== 0 && isCuttable(quote)) {
      this.#counters.add(COUNTER['icmp-error-noted']);
      return CONSUMED;
    }
    return this.#toClient(frame, error, base);
  }

  /** The record of the connection that the inner packet, which is the client's, went through this tunnel for, or -1. */
  #connectionOf(quote: Frame): number {
    const found = this.#table.find(quote);
    if (found === -1 || (found & 1) === 1) return -1;
    const base = (found >> 1) * RECORD_WORDS;
    const { words } = this.#table;
    const isTunnel =
      this.#directory.services[words[base + OWNER]! >>> 16]!.mode === 'tun' &&
      sameAddress(words, base + LOCAL, this.#ends, 0) &&
      sameAddress(words, base + SERVER, this.#ends, 4);
    return isTunnel ? base : -1;
  }

  /** A connection of TUN has no way to its client: there is one for the error alone. */
  #toClient(frame: Frame, error: ReceivedError, base: number): number {
    const { words } = this.#table;
    const client = words.subarray(base + CLIENT, base + CLIENT + 4);
    const [word0, word1, word2, word3] = client as unknown as [number, number, number, number];
    const route = this.routes.find(word0, word1, word2, word3);
    if (route === undefined) return this.#drop(COUNTER['drop-no-route']);
    const hop = this.#neighbors.acquire(route, word0, word1, word2, word3);
    if (hop === -1) return this.#drop(COUNTER['drop-neighbor-table-full']);
    const verdict = this.#sender.toClient(frame, error, words, base, hop);
    this.#neighbors.release(hop);
    return verdict;
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return DROPPED;
  }
}

/** Whether an error is about the way, which the inner packet has gone as well, and not about the outer header. */
function isAboutWay(type: number, family: number): boolean {
  return family === 4
    ? type === ICMP_UNREACHABLE || type === ICMP_TIME_EXCEEDED
    : type === ICMPV6_UNREACHABLE || type === ICMPV6_TIME_EXCEEDED;
}
