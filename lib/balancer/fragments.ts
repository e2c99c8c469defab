import { ETHERNET_HEADER } from '../net/ethernet.js';
import { unfragmentIpv4, unfragmentIpv6 } from '../net/fragment.js';
import { FRAGMENT_HEADER, FRAGMENT_OFFSET, IPV6_PAYLOAD_LENGTH } from '../net/ipv6.js';
import type { KeyedHash } from './connection/keyed-hash.js';
import { COUNTER, type Counters } from './counters.js';
import type { Emitted } from './emitted.js';
import { FragmentFields, isTooLong } from './fragment-fields.js';
import { HEADERS_AT, HELD, NOT_HELD, PAGE } from './fragment-store.js';
import {
  DATAGRAM_WORDS,
  DESTINATION_V4,
  ECN_SEEN,
  END,
  FAMILY,
  FIRST_LENGTH,
  type FragmentLimits,
  FragmentTable,
  HEADERS,
  LARGEST,
  LARGEST_DF,
  LAST_SEEN,
  LINK,
  RECEIVED,
  SOURCE_V4,
} from './fragment-table.js';
import { Frame } from './frame.js';
import { HEADERS_INCOMPLETE, type IcmpErrors, PARAMETER_PROBLEM, REASSEMBLY_TIME_EXCEEDED } from './icmp.js';
import type { LinkPort } from './link-port.js';
import { FRAGMENT, PARSED, parse } from './parse.js';
import { CONSUMED, DROPPED } from './verdict.js';

/** `add` made a datagram whole: it is in `whole`. */
export const REASSEMBLED = 0;

/** Milliseconds from a datagram's first fragment on: Linux's ipfrag_time; RFC 8200 4.5. */
const TIMEOUT_V4 = 30_000;
const TIMEOUT_V6 = 60_000;

/** More than an ICMP error quotes. */
const QUOTED = 1280;

/** Bits of `ECN_SEEN`. */
const NOT_ECT = 1;
const CONGESTION_EXPERIENCED = 1 << 3;

/** What reassembly needs of the balancer. */
export interface FragmentsEnvironment {
  readonly hash: KeyedHash;
  readonly emitted: Emitted;
  readonly counters: Counters;
  readonly icmp: IcmpErrors;
  readonly links: readonly LinkPort[];
  readonly limits?: FragmentLimits;
}

/**
 * Reassembly (RFC 791 3.2, RFC 8200 4.5). Fragments are copied into a bounded table; one that overlaps others drops
 * the whole datagram (RFC 5722, and Linux since 4.20 for IPv4), one that came before is ignored.
 */
export class Fragments {
  /** After REASSEMBLED: the datagram, parsed, in a frame of `emitted` that is to be sent or discarded. */
  whole = new Frame();

  readonly #emitted: Emitted;
  readonly #counters: Counters;
  readonly #icmp: IcmpErrors;
  readonly #links: readonly LinkPort[];
  readonly #table: FragmentTable;
  readonly #fields = new FragmentFields();
  /** A first fragment, as it came, for an ICMP error to quote. */
  readonly #first = new Frame(new Uint8Array(PAGE + QUOTED));

  constructor({ hash, emitted, counters, icmp, links, limits }: FragmentsEnvironment) {
    this.#emitted = emitted;
    this.#counters = counters;
    this.#icmp = icmp;
    this.#links = links;
    this.#table = new FragmentTable(hash, counters, limits);
  }

  /**
   * Takes a fragment.
   * @param frame for which `parse` said FRAGMENT, sent to an address of ours @param now milliseconds
   * @returns CONSUMED where it is held, DROPPED, or REASSEMBLED where it was the last that was missing
   */
  add(frame: Frame, now: number): number {
    this.#counters.add(COUNTER['fragments-in']);
    const fields = this.#fields;
    fields.read(frame);
    const fault = fields.fault(frame);
    if (fault !== PARSED) {
      this.#explain(frame, fault, now);
      return this.#drop(fault);
    }
    const table = this.#table;
    const found = table.find(frame, fields.id);
    const datagram = found === -1 ? table.create(frame, now) : found;
    const contradiction = this.#contradiction(frame, datagram);
    if (contradiction !== PARSED) {
      if (contradiction !== COUNTER['drop-fragment-duplicate']) table.remove(datagram);
      return this.#drop(contradiction);
    }
    this.#hold(frame, datagram);
    const base = datagram * DATAGRAM_WORDS;
    if (table.words[base + LAST_SEEN] === 0 || table.words[base + RECEIVED] !== table.words[base + END]) {
      return CONSUMED;
    }
    const verdict = this.#reassemble(datagram);
    table.remove(datagram);
    return verdict;
  }

  /** Whether others of a fragment's datagram are held. @param frame for which `parse` said FRAGMENT */
  holds(frame: Frame): boolean {
    this.#fields.read(frame);
    return this.#table.find(frame, this.#fields.id) !== -1;
  }

  /**
   * Gives up one datagram whose time is over, and tells its sender where the first fragment has come (RFC 792,
   * RFC 4443 3.3): who got none of the headers could not tell what it was.
   * @returns whether there was one
   */
  expireNext(now: number): boolean {
    const table = this.#table;
    let datagram = table.due(4, TIMEOUT_V4, now);
    if (datagram === -1) datagram = table.due(6, TIMEOUT_V6, now);
    if (datagram === -1) return false;
    this.#counters.add(COUNTER['fragments-timed-out']);
    if (table.words[datagram * DATAGRAM_WORDS + HEADERS] !== 0) this.#answerTimeout(datagram, now);
    table.remove(datagram);
    return true;
  }

  /** Whether the fragment goes together with what has come: PARSED, or the counter that says why not. */
  #contradiction(frame: Frame, datagram: number): number {
    const { words, store } = this.#table;
    const { at, length, more, data } = this.#fields;
    const base = datagram * DATAGRAM_WORDS;
    const end = at + length;
    const known = words[base + END]!;
    const lastSeen = words[base + LAST_SEEN] !== 0;
    if (lastSeen ? end > known || (!more && end !== known) : !more && end < known) {
      return COUNTER['drop-fragment-overlap'];
    }
    const overlap = store.overlap(datagram, at, length);
    if (overlap === NOT_HELD) return PARSED;
    return overlap === HELD && store.equals(datagram, at, frame.view, data, length)
      ? COUNTER['drop-fragment-duplicate']
      : COUNTER['drop-fragment-overlap'];
  }

  #hold(frame: Frame, datagram: number): void {
    const { words, store } = this.#table;
    const { at, length, more, data, dontFragment, ecn } = this.#fields;
    const base = datagram * DATAGRAM_WORDS;
    const pages = store.missing(datagram, at, length) + (at === 0 ? 1 : 0);
    this.#table.reserve(datagram, pages);
    store.put(datagram, at, frame.view, data, length);
    store.mark(datagram, at, length);
    if (at === 0) {
      const headers = data - frame.start;
      store.put(datagram, HEADERS_AT, frame.view, frame.start, headers);
      words[base + HEADERS] = headers;
      words[base + FIRST_LENGTH] = length;
      words[base + LINK] = frame.link;
    }
    words[base + END] = Math.max(words[base + END]!, at + length);
    if (!more) words[base + LAST_SEEN] = 1;
    words[base + RECEIVED]! += length;
    const size = frame.length - ETHERNET_HEADER;
    words[base + LARGEST] = Math.max(words[base + LARGEST]!, size);
    if (dontFragment) words[base + LARGEST_DF] = Math.max(words[base + LARGEST_DF]!, size);
    words[base + ECN_SEEN]! |= 1 << ecn;
  }

  /** Makes the frame of a datagram that is all there. */
  #reassemble(datagram: number): number {
    const { words, store } = this.#table;
    const base = datagram * DATAGRAM_WORDS;
    const ipv4 = words[base + FAMILY] === 4;
    const payload = words[base + END]!;
    const firstHeaders = words[base + HEADERS]!;
    if (isTooLong(words[base + FAMILY]!, firstHeaders, payload)) {
      return this.#drop(COUNTER['drop-fragment-too-long']);
    }
    const ecn = words[base + ECN_SEEN]!;
    // RFC 3168 5.3: with marked and unmarkable fragments mixed nobody could tell that there was congestion.
    if ((ecn & NOT_ECT) !== 0 && ecn !== NOT_ECT) return this.#drop(COUNTER['drop-fragment-ecn']);

    const headers = firstHeaders - (ipv4 ? 0 : FRAGMENT_HEADER);
    const whole = this.#emitted.take(headers + payload);
    if (whole === undefined) return this.#drop(COUNTER['drop-out-of-buffers']);
    whole.length = headers + payload;
    whole.link = words[base + LINK]!;
    const { view, start } = whole;
    store.copy(datagram, HEADERS_AT, view, start, firstHeaders);
    const l3 = start + ETHERNET_HEADER;
    const congestion = (ecn & CONGESTION_EXPERIENCED) !== 0;
    if (ipv4) {
      const dontFragment = words[base + LARGEST_DF] === words[base + LARGEST];
      unfragmentIpv4(view, l3, headers - ETHERNET_HEADER, payload, dontFragment, congestion);
    } else unfragmentIpv6(view, l3, headers - ETHERNET_HEADER, payload, congestion);
    store.copy(datagram, 0, view, start + headers, payload);

    const fault = parse(whole);
    if (fault !== PARSED) {
      this.#emitted.discard(whole);
      // A fragment of a fragment would go round again, and for how long.
      return this.#drop(fault === FRAGMENT ? COUNTER['drop-bad-ip-header'] : fault);
    }
    whole.largestFragment = words[base + LARGEST]!;
    this.whole = whole;
    this.#counters.add(COUNTER['fragments-reassembled']);
    return REASSEMBLED;
  }

  /** Tells an IPv6 sender what is wrong with a fragment, as RFC 8200 4.5 wants it. */
  #explain(frame: Frame, fault: number, now: number): void {
    if (frame.family === 4 || fault === COUNTER['drop-bad-ip-header']) return;
    const link = this.#links[frame.link]!;
    if (fault === COUNTER['drop-fragment-tiny']) this.#icmp.answer(frame, link, HEADERS_INCOMPLETE, 0, now);
    else {
      const tooLong = fault === COUNTER['drop-fragment-too-long'];
      const pointer = tooLong ? frame.l4 - frame.l3 + FRAGMENT_OFFSET : IPV6_PAYLOAD_LENGTH;
      this.#icmp.answer(frame, link, PARAMETER_PROBLEM, pointer, now);
    }
  }

  #answerTimeout(datagram: number, now: number): void {
    const { words, store } = this.#table;
    const base = datagram * DATAGRAM_WORDS;
    const first = this.#first;
    const headers = words[base + HEADERS]!;
    const quoted = Math.min(words[base + FIRST_LENGTH]!, QUOTED);
    store.copy(datagram, HEADERS_AT, first.view, 0, headers);
    store.copy(datagram, 0, first.view, headers, quoted);
    first.length = headers + quoted;
    first.l3 = ETHERNET_HEADER;
    first.family = words[base + FAMILY]!;
    first.source3 = words[base + SOURCE_V4]!;
    first.destination3 = words[base + DESTINATION_V4]!;
    this.#icmp.answer(first, this.#links[words[base + LINK]!]!, REASSEMBLY_TIME_EXCEEDED, 0, now);
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return DROPPED;
  }
}
