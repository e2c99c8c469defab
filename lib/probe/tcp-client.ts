import {
  ACK,
  FIN,
  OPTION_MSS,
  OPTION_NOP,
  optionLength,
  PSH,
  RST,
  SYN,
  TCP_MAX_OPTIONS,
} from '../net/tcp.js';
import { checksumFits, decodeSegment, encodeSegment, type Segment } from './segment.js';

/** Which segments of a connection an option can be on: those that a balancer marks. */
export type Carrier = 'syn' | 'ack' | 'data';

export interface TcpClientOptions {
  readonly localPort: number;
  readonly remotePort: number;
  /** `addressSum` of the two hosts. */
  readonly addresses: number;
  /** Initial sequence number: random, from a generator that nobody can guess. */
  readonly isn: number;
  /** Bytes of payload in one segment, to announce and to send at most: what the path carries, without options. */
  readonly maximumSegment: number;
  /** What is sent as soon as the connection is open. */
  readonly request: Uint8Array;
  /** Option bytes for the SYN, for the ACK that ends the handshake, and for data before the peer has said anything. */
  readonly marks: Readonly<Partial<Record<Carrier, Uint8Array>>>;
  /** The ACK that ends the handshake is lost on the way, and the request ends it. */
  readonly losesAck?: boolean;
  /** Bytes of answer after which the connection is broken off. */
  readonly longestAnswer: number;
  /** First retransmission timeout in milliseconds, doubled each time; RFC 6298 begins with 1000. */
  readonly retransmitAfter: number;
}

/** How a connection ended. `silent`: nobody had answered the SYN when it was broken off. `unfinished`: the answer had no end. */
export type Ending = 'finished' | 'refused' | 'reset' | 'silent' | 'unfinished' | 'too-long';

/** Segments that were not taken, by reason, and those that were sent again. */
export interface ClientCounts {
  malformed: number;
  badChecksum: number;
  outOfOrder: number;
  unacceptable: number;
  retransmissions: number;
}

const WINDOW = 65535;
/** RFC 9293 3.7.1: what a peer takes that announces nothing. */
const DEFAULT_MSS = 536;
/** What is announced below that is not believed, or there were no room behind the options; TCP_MIN_MSS of Linux (net/tcp.h). */
const SMALLEST_MSS = 88;
const NOTHING = new Uint8Array();

/**
 * The client's end of one TCP connection, as a state machine: segments and the time go in, segments come out. It sends a
 * request, takes the answer until the peer's FIN, and answers that with its own.
 *
 * RFC 9293, with go-back-N on both sides: what comes out of order is left to be sent again. No congestion control:
 * a request is some hundred bytes.
 */
export class TcpClient {
  /** Undefined while the connection lives. */
  ending: Ending | undefined;
  /** Whether the handshake was completed. */
  opened = false;
  readonly counts: ClientCounts = {
    malformed: 0,
    badChecksum: 0,
    outOfOrder: 0,
    unacceptable: 0,
    retransmissions: 0,
  };
  readonly #options: TcpClientOptions;
  #outgoing: Uint8Array[] = [];
  #answer: Uint8Array[] = [];
  #answerLength = 0;
  /** Positions in what we send: 0 the SYN, then the request, then the FIN. */
  #acknowledged = 0;
  #next = 0;
  #highest = 0;
  #peerIsn = 0;
  #peerMss = DEFAULT_MSS;
  #peerWindow = 0;
  #peerFinished = false;
  #timer: number | undefined;
  #attempts = 0;

  constructor(options: TcpClientOptions) {
    this.#options = options;
  }

  /** The bytes that came back so far. */
  get answer(): Uint8Array {
    return Buffer.concat(this.#answer);
  }

  /** When `advance` is to be called next, in milliseconds. */
  get nextTimer(): number | undefined {
    return this.#timer;
  }

  /** The segments to be sent since the last call. */
  takeSegments(): Uint8Array[] {
    const segments = this.#outgoing;
    this.#outgoing = [];
    return segments;
  }

  open(now: number): void {
    this.#sendSyn();
    this.#next = 1;
    this.#highest = 1;
    this.#arm(now);
  }

  /** Lets time pass. Sends again what nobody has acknowledged. */
  advance(now: number): void {
    if (this.#timer === undefined || now < this.#timer) return;
    this.#attempts++;
    this.#repeat();
    this.#arm(now);
  }

  /** Breaks the connection off. */
  abort(): void {
    this.#breakOff(this.opened ? 'unfinished' : 'silent');
  }

  /** Takes a segment that has come from the peer's host; those of other connections are left alone. */
  receive(bytes: Uint8Array, now: number): void {
    if (this.ending !== undefined) return;
    const segment = decodeSegment(bytes);
    if (segment === undefined) {
      this.counts.malformed++;
      return;
    }
    const { localPort, remotePort, addresses } = this.#options;
    if (segment.sourcePort !== remotePort || segment.destinationPort !== localPort) return;
    if (!checksumFits(bytes, addresses)) this.counts.badChecksum++;
    else if (this.opened) this.#receiveOpen(segment, now);
    else this.#receiveSynAck(segment, now);
  }

  #receiveSynAck(segment: Segment, now: number): void {
    if ((segment.flags & ACK) === 0) {
      this.counts.unacceptable++;
    } else if (this.#positionOf(segment.acknowledgment) !== 1) {
      this.counts.unacceptable++;
      // Of an earlier connection from this port, which the peer has to forget (RFC 9293 3.10.7.3).
      if ((segment.flags & RST) === 0) this.#send(RST, this.#positionOf(segment.acknowledgment));
    } else if ((segment.flags & RST) !== 0) {
      this.#end('refused');
    } else if ((segment.flags & SYN) === 0) {
      this.counts.unacceptable++;
    } else {
      this.opened = true;
      this.#peerIsn = segment.sequence;
      this.#peerMss = announcedMss(segment.options);
      this.#peerWindow = segment.window;
      this.#acknowledge(1);
      if (!this.#options.losesAck) this.#sendAck();
      this.#push(now);
    }
  }

  #receiveOpen(segment: Segment, now: number): void {
    // From the next byte that is wanted; behind it for what we have already.
    const offset = (segment.sequence - this.#wanted()) | 0;
    if ((segment.flags & RST) !== 0) {
      // RFC 5961 3.2: only the exact number resets.
      if (offset === 0) this.#end('reset');
      else this.counts.unacceptable++;
    } else if ((segment.flags & SYN) !== 0) {
      // Their SYN-ACK again: what ended the handshake was lost.
      if (this.#options.losesAck) this.#repeat();
      else this.#sendAck();
    } else if ((segment.flags & ACK) === 0 || this.#positionOf(segment.acknowledgment) > this.#highest) {
      this.counts.unacceptable++;
    } else {
      this.#acknowledge(this.#positionOf(segment.acknowledgment));
      this.#peerWindow = segment.window;
      this.#takePayload(segment, offset);
      this.#push(now);
      if (this.#peerFinished && this.#acknowledged === this.#total) this.#end('finished');
    }
  }

  #takePayload({ payload, flags }: Segment, offset: number): void {
    const finishes = (flags & FIN) !== 0;
    if (payload.length === 0 && !finishes) return;
    if (offset > 0) {
      this.counts.outOfOrder++;
    } else if (!this.#peerFinished && -offset <= payload.length) {
      this.#answer.push(payload.slice(-offset));
      this.#answerLength += payload.length + offset;
      this.#peerFinished = finishes;
    }
    if (this.#answerLength > this.#options.longestAnswer) this.#breakOff('too-long');
    else this.#sendAck();
  }

  /** What the peer has of ours. */
  #acknowledge(position: number): void {
    if (position <= this.#acknowledged) return;
    this.#acknowledged = position;
    this.#next = Math.max(this.#next, position);
    this.#attempts = 0;
    this.#timer = undefined;
  }

  /** Sends the request as far as the peer's window goes, then, when the peer has finished, the FIN. */
  #push(now: number): void {
    if (this.ending !== undefined) return;
    const limit = this.#acknowledged + this.#peerWindow;
    while (this.#next < this.#total && this.#sendFrom(this.#next, limit - this.#next)) {}
    if (this.#timer === undefined && this.#acknowledged < this.#total) this.#arm(now);
  }

  /** Goes back to what nobody has acknowledged; into a closed window one byte, to have it opened (RFC 9293 3.8.6.1). */
  #repeat(): void {
    this.counts.retransmissions++;
    if (!this.opened) {
      this.#sendSyn();
      return;
    }
    this.#next = this.#acknowledged;
    this.#sendFrom(this.#next, Math.max(1, this.#peerWindow));
  }

  /** Sends a segment from a position on, in `room` bytes; false where there is nothing to send, or no room. */
  #sendFrom(position: number, room: number): boolean {
    const { request, marks, maximumSegment } = this.#options;
    const options = this.#answerLength === 0 ? padded(marks.data ?? NOTHING) : NOTHING;
    const size = Math.min(this.#peerMss, maximumSegment) - options.length;
    const start = position - 1;
    const payload = request.subarray(start, start + Math.max(0, Math.min(size, room)));
    if (payload.length > 0) this.#send(ACK | PSH, position, options, payload);
    else if (start === request.length && this.#peerFinished && room > 0) this.#send(ACK | FIN, position);
    else return false;
    this.#next = position + Math.max(1, payload.length);
    this.#highest = Math.max(this.#highest, this.#next);
    return true;
  }

  #sendSyn(): void {
    const { marks, maximumSegment } = this.#options;
    const mark = marks.syn ?? NOTHING;
    const mss = Uint8Array.of(OPTION_MSS, 4, maximumSegment >> 8, maximumSegment & 0xff);
    // The longest form of the option leaves no room: the peer then takes 536 for our size.
    const options = padded(
      mark.length + mss.length > TCP_MAX_OPTIONS ? mark : Uint8Array.of(...mss, ...mark),
    );
    this.#send(SYN, 0, options);
  }

  /** While nothing but the handshake has come from the peer, this is the ACK that ends it. */
  #sendAck(): void {
    const endsHandshake = this.#answerLength === 0 && !this.#peerFinished && this.#acknowledged === 1;
    const mark = endsHandshake ? this.#options.marks.ack : undefined;
    this.#send(ACK, this.#highest, padded(mark ?? NOTHING));
  }

  #send(flags: number, position: number, options: Uint8Array = NOTHING, payload: Uint8Array = NOTHING): void {
    const { localPort, remotePort, isn, addresses } = this.#options;
    const segment: Segment = {
      sourcePort: localPort,
      destinationPort: remotePort,
      sequence: (isn + position) >>> 0,
      acknowledgment: (flags & ACK) === 0 ? 0 : this.#wanted(),
      flags,
      window: WINDOW,
      options,
      payload,
    };
    this.#outgoing.push(encodeSegment(segment, addresses));
  }

  /** The next sequence number that is wanted from the peer. */
  #wanted(): number {
    return (this.#peerIsn + 1 + this.#answerLength + (this.#peerFinished ? 1 : 0)) >>> 0;
  }

  /** The position of ours that an acknowledgment number stands for. */
  #positionOf(acknowledgment: number): number {
    return (acknowledgment - this.#options.isn) | 0;
  }

  /** The position behind the last thing that there is to send now. */
  get #total(): number {
    return 1 + this.#options.request.length + (this.#peerFinished ? 1 : 0);
  }

  #breakOff(ending: Ending): void {
    if (this.ending !== undefined) return;
    if (this.opened) this.#send(RST | ACK, this.#highest);
    this.#end(ending);
  }

  #end(ending: Ending): void {
    this.ending = ending;
    this.#timer = undefined;
  }

  #arm(now: number): void {
    this.#timer = now + this.#options.retransmitAfter * 2 ** Math.min(this.#attempts, 6);
  }
}

/** Options in whole words: NOPs behind them. */
function padded(options: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(options.length / 4) * 4).fill(OPTION_NOP);
  bytes.set(options);
  return bytes;
}

function announcedMss(options: Uint8Array): number {
  for (let at = 0; at < options.length; ) {
    const length = optionLength(options, at, options.length);
    if (length === 0) break;
    if (options[at] === OPTION_MSS && length === 4) {
      return Math.max(SMALLEST_MSS, (options[at + 2]! << 8) | options[at + 3]!);
    }
    at += length;
  }
  return DEFAULT_MSS;
}
