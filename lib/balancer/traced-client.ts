import { PROTOCOL_IPIP, PROTOCOL_IPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../net/ipv4.js';
import { wordsOf } from './address-words.js';
import type { ConnectionTable } from './connection/connection-table.js';
import { CLIENT, CLIENT_PORTS, RECORD_WORDS } from './connection/record.js';
import { Frame } from './frame.js';
import { FRAGMENT, PARSED, parse } from './parse.js';
import { readQuotedIp, readQuotedTransport, turnRound } from './related-icmp/quoted-packet.js';
import { isIcmpError, ReceivedError } from './related-icmp/received-error.js';

/** Whose packets are followed; without a port, all of the client's connections. */
export interface TracedClient {
  readonly address: string;
  readonly port?: number | undefined;
}

/**
 * Tells the traced client's packets from others': those that it is an end of, or that its connections have to do with:
 * both ends' packets on both sides of the balancer, tunnels that they are in, ICMP errors about them.
 */
export class ClientFilter {
  readonly #connections: ConnectionTable;
  readonly #address: Int32Array;
  readonly #port: number | undefined;
  readonly #error = new ReceivedError();
  /** The packet that was asked for last, or that it tells of. */
  #looked = new Frame();

  constructor(connections: ConnectionTable, { address, port }: TracedClient) {
    this.#connections = connections;
    this.#address = wordsOf(address);
    this.#port = port;
  }

  /** Whether a frame, of which nothing need be parsed and nothing is changed, is one of the client's. */
  concerns(original: Frame): boolean {
    const frame = windowOn(original);
    this.#looked = frame;
    const fault = parse(frame);
    if (frame.family === 0) return false;
    const told = this.#toldBy(frame, fault);
    // Which of the client's ports the later fragments of a packet are of, they do not say.
    if (told === undefined) return this.#isEnd(frame, fault === FRAGMENT ? undefined : this.#port);
    this.#looked = told;
    let { found } = this;
    if (found === -1) {
      // What the balancer sends has the ends of what it gets from there, turned round.
      turnRound(told);
      found = this.found;
      if (found === -1) turnRound(told);
    }
    if (found !== -1) return this.#isClientOf(found >> 1);
    return this.#isEnd(told, this.#port) || (this.#port === undefined && this.#isEnd(frame, undefined));
  }

  /** The connection that the frame which was asked for last has to do with by now, as `ConnectionTable.find`. */
  get found(): number {
    return this.#connections.find(this.#looked);
  }

  /**
   * The packet whose ports say which connection a frame has to do with: itself, even if it is only the first fragment;
   * what is in a tunnel; or what an ICMP error quotes.
   */
  #toldBy(frame: Frame, fault: number): Frame | undefined {
    if (fault === FRAGMENT) return this.#inner(frame, frame.family, frame.l3);
    if (fault !== PARSED || isBalanced(frame)) return frame;
    if (isTunnel(frame)) return this.#inner(frame, frame.protocol === PROTOCOL_IPIP ? 4 : 6, frame.l4);
    const { quote } = this.#error;
    if (!isIcmpError(frame) || this.#error.read(frame) !== PARSED) return undefined;
    if (isTunnel(quote)) return this.#inner(quote, quote.protocol === PROTOCOL_IPIP ? 4 : 6, quote.l4);
    return readQuotedTransport(quote) === PARSED ? quote : undefined;
  }

  /** The packet that begins at `at` of a frame, or undefined where its ports are not to be had. */
  #inner(frame: Frame, family: number, at: number): Frame | undefined {
    const inner = new Frame(frame.bytes, frame.view);
    const isRead =
      readQuotedIp(inner, family, at, frame.start + frame.length) === PARSED &&
      readQuotedTransport(inner) === PARSED;
    return isRead ? inner : undefined;
  }

  #isClientOf(connection: number): boolean {
    const { words } = this.#connections;
    const base = connection * RECORD_WORDS;
    const port = words[base + CLIENT_PORTS]! >>> 16;
    return (
      this.#address.every((word, i) => word === words[base + CLIENT + i]) &&
      (this.#port === undefined || this.#port === port)
    );
  }

  #isEnd(frame: Frame, port: number | undefined): boolean {
    const [word0, word1, word2, word3] = this.#address;
    const isSource =
      frame.source3 === word3 &&
      frame.source2 === word2 &&
      frame.source1 === word1 &&
      frame.source0 === word0;
    const isDestination =
      frame.destination3 === word3 &&
      frame.destination2 === word2 &&
      frame.destination1 === word1 &&
      frame.destination0 === word0;
    if (port === undefined) return isSource || isDestination;
    return (isSource && frame.ports >>> 16 === port) || (isDestination && (frame.ports & 0xffff) === port);
  }
}

/** Another window on the same frame: what is parsed in it does not disturb the balancer's own. */
export function windowOn({ bytes, view, start, length, link }: Frame): Frame {
  return new Frame(bytes, view).at(start, length, link);
}

function isBalanced({ protocol }: Frame): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
}

function isTunnel({ protocol }: Frame): boolean {
  return protocol === PROTOCOL_IPIP || protocol === PROTOCOL_IPV6;
}
