import {
  ICMP_HEADER,
  ICMP_PARAMETER_PROBLEM,
  ICMP_QUOTED_LENGTH,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_QUOTED_LENGTH,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_UNREACHABLE,
} from '../../net/icmp.js';
import { IPV4_TTL, PROTOCOL_ICMP } from '../../net/ipv4.js';
import { IPV6_HOP_LIMIT, NEXT_ICMPV6 } from '../../net/ipv6.js';
import { COUNTER } from '../counters.js';
import { Frame } from '../frame.js';
import { isIcmpIntact } from '../icmp.js';
import { type ErrorHeader, isTooBig, readErrorHeader } from '../icmp-message.js';
import { PARSED } from '../parse.js';
import { toldMtu } from './error-translation.js';
import { quotedTotal, readQuotedIp } from './quoted-packet.js';

/** The messages that tell a sender of its packet's fate. */
const ERRORS_V4 = [ICMP_UNREACHABLE, ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED, ICMP_PARAMETER_PROBLEM];
const ERRORS_V6 = [ICMPV6_UNREACHABLE, ICMPV6_PACKET_TOO_BIG, ICMPV6_TIME_EXCEEDED, ICMPV6_PARAMETER_PROBLEM];
/** Those that may have extensions behind the quoted packet (RFC 4884 4). */
const EXTENSIBLE_V4 = [ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED, ICMP_PARAMETER_PROBLEM];
const EXTENSIBLE_V6 = [ICMPV6_UNREACHABLE, ICMPV6_TIME_EXCEEDED];

/** Whether a parsed packet is an ICMP or ICMPv6 error. */
export function isIcmpError({ view, start, length, l4, family, protocol }: Frame): boolean {
  if (start + length <= l4) return false;
  const type = view.getUint8(l4);
  return family === 4
    ? protocol === PROTOCOL_ICMP && ERRORS_V4.includes(type)
    : protocol === NEXT_ICMPV6 && ERRORS_V6.includes(type);
}

/** An ICMP error that came in, taken apart. One object serves for any number of them. */
export class ReceivedError {
  readonly header: ErrorHeader = { type: 0, code: 0, value: 0 };
  /** A window on the packet that it quotes, in the same buffer; read up to its IP header. */
  readonly quote = new Frame();
  /** What it tells of a packet that was too big, in bytes; else 0. */
  mtu = 0;
  /** Of the packet that it came in. */
  hopLimit = 0;

  /**
   * @param frame one that `isIcmpError` is true of
   * @returns `PARSED`, or the counter that says why it must be dropped
   */
  read(frame: Frame): number {
    const { header, quote } = this;
    const { bytes, view, l3, l4, family } = frame;
    const at = l4 + ICMP_HEADER;
    if (frame.start + frame.length < at) return COUNTER['drop-icmp-malformed'];
    if (!isIcmpIntact(frame)) return COUNTER['drop-icmp-checksum'];
    readErrorHeader(frame, header);
    quote.bytes = bytes;
    quote.view = view;
    const fault = readQuotedIp(quote, family, at, endOfQuote(frame));
    if (fault !== PARSED) return fault;
    this.hopLimit = bytes[l3 + (family === 4 ? IPV4_TTL : IPV6_HOP_LIMIT)]!;
    this.mtu = isTooBig(header, family) ? toldMtu(header, quotedTotal(quote)) : 0;
    return isForSender(frame, quote) ? PARSED : COUNTER['drop-icmp-not-for-sender'];
  }
}

/** Where the quoted packet ends at the latest: extensions behind it, which tell of networks, are not passed on. */
function endOfQuote({ bytes, start, length, l4, family }: Frame): number {
  const end = start + length;
  const extensible = (family === 4 ? EXTENSIBLE_V4 : EXTENSIBLE_V6).includes(bytes[l4]!);
  if (!extensible) return end;
  const quoted = family === 4 ? bytes[l4 + ICMP_QUOTED_LENGTH]! << 2 : bytes[l4 + ICMPV6_QUOTED_LENGTH]! << 3;
  return quoted === 0 ? end : Math.min(end, l4 + ICMP_HEADER + quoted);
}

/** An error goes to where the packet came from, as it knows it. */
function isForSender(frame: Frame, quote: Frame): boolean {
  return (
    frame.destination3 === quote.source3 &&
    frame.destination2 === quote.source2 &&
    frame.destination1 === quote.source1 &&
    frame.destination0 === quote.source0
  );
}
