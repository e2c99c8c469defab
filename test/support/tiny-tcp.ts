/**
 * A TCP endpoint as a pure state machine: segments and the time go in, segments come out. No socket, no timer,
 * no randomness of its own, so a test can drop, reorder and replay what it likes, and talk to a real kernel
 * through a TUN device or a packet socket just as well. One object is one connection.
 *
 * RFC 9293 with these limits: no simultaneous open, no congestion control, no zero-window probes, no urgent data.
 */
import { ReceiveQueue } from './receive-queue.js';
import { decodeTcp, encodeTcp, type TcpSegment, tcpChecksumRight, tcpOption } from './tcp-segment.js';
import { concat, type HostPort, hostPortText, readU16, readU32, sameBytes } from './wire.js';

export type TcpState =
  | 'closed'
  | 'listen'
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'closing'
  | 'time-wait'
  | 'close-wait'
  | 'last-ack';

/**
 * What a segment is for the raw options put on it. `handshake-ack`: the bare ACK that completes an active open.
 * `early`: a later segment whose acknowledgment number is still the peer's initial sequence number + 1.
 */
export type SegmentRole = 'syn' | 'syn-ack' | 'handshake-ack' | 'early' | 'later';

export interface TinyTcpOptions {
  readonly local: HostPort;
  /** Initial sequence number; default 1000. */
  readonly isn?: number;
  /** Largest segment to send and to announce, header not counted; default 1460 (IPv4), 1440 (IPv6). */
  readonly mss?: number;
  /** Window scale to offer, 0 to 14; default: none offered. */
  readonly windowScale?: number;
  /** Offer selective acknowledgments; default false. */
  readonly sack?: boolean;
  /** Offer timestamps; default false. */
  readonly timestamps?: boolean;
  /** Receive window in bytes; default 65535 (more needs `windowScale`). */
  readonly window?: number;
  /** Raw option bytes for each role of segment, put before all other options, e.g. `tcpOption.toa(client)`. */
  readonly options?: Partial<Record<SegmentRole, Uint8Array>>;
  /** First retransmission timeout in ms, doubled each time up to 64 times itself; default 200. */
  readonly rto?: number;
  /** Retransmissions of one segment before the connection is given up; default 12. */
  readonly retries?: number;
  /** How long TIME_WAIT lasts in ms; default 1000. */
  readonly timeWait?: number;
  /** Up to how many bytes of payload go out as one segment for offload (checksum partial); default 0, none. */
  readonly offload?: number;
}

/** A segment to send. `gsoSize` is set when it is meant for segmentation offload: its checksum is partial then. */
export interface OutgoingSegment {
  readonly from: HostPort;
  readonly to: HostPort;
  readonly bytes: Uint8Array;
  readonly partialChecksum: boolean;
  readonly gsoSize: number;
}

/** A segment that arrived: TCP bytes and the addresses of its IP header. */
export interface IncomingSegment {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly bytes: Uint8Array;
  readonly partialChecksum?: boolean;
}

/** What went by, for assertions. All zero on a clean network. */
export interface TinyTcpCounts {
  badChecksums: number;
  retransmissions: number;
  duplicates: number;
  outOfOrder: number;
  challengeAcks: number;
  /** SACK edges that point at bytes never sent. */
  badSacks: number;
  /** Acknowledgments of bytes never sent. */
  badAcks: number;
}

/** a - b on the circle of sequence numbers: negative when a is before b. */
export function sequenceDifference(a: number, b: number): number {
  return (a - b) | 0;
}

export class TinyTcp {
  readonly local: HostPort;
  readonly isn: number;
  readonly counts: TinyTcpCounts = {
    badChecksums: 0,
    retransmissions: 0,
    duplicates: 0,
    outOfOrder: 0,
    challengeAcks: 0,
    badSacks: 0,
    badAcks: 0,
  };
  state: TcpState = 'closed';
  /** Why the connection is closed, when it did not end by FINs. */
  failure: 'reset' | 'timeout' | 'aborted' | undefined;
  remote: HostPort | undefined;
  /** The peer's initial sequence number, once its SYN is there. */
  peerIsn: number | undefined;
  /** The largest segment that the peer announced. */
  peerMss = 536;
  /** The SYN or SYN-ACK that opened the connection, as it arrived. */
  opening: TcpSegment | undefined;
  /** Passive side: the segment that completed the handshake, as it arrived. */
  completing: TcpSegment | undefined;

  readonly #options: TinyTcpOptions;
  readonly #incoming = new ReceiveQueue();
  #outgoing: OutgoingSegment[] = [];
  /** All bytes ever written; byte i has sequence number isn + 1 + i. */
  #written = new Uint8Array();
  #finWritten = false;
  #finReceived = false;
  #unacknowledged: number;
  #next: number;
  #recoverUntil: number | undefined;
  #peerWindow = 0;
  #peerShift = 0;
  #scaling = false;
  #sacking = false;
  #stamping = false;
  #lastStamp = 0;
  #attempts = 0;
  #timer: number | undefined;
  #endOfTimeWait: number | undefined;

  constructor(options: TinyTcpOptions) {
    this.#options = options;
    this.local = options.local;
    this.isn = (options.isn ?? 1000) >>> 0;
    this.#unacknowledged = this.#next = this.isn;
  }

  /** The bytes received in order so far. */
  get received(): Uint8Array {
    return this.#incoming.bytes;
  }

  /** Whether the peer has sent its FIN and all bytes before it have arrived. */
  get peerFinished(): boolean {
    return this.#finReceived;
  }

  /** How many written bytes (SYN and FIN not counted) the peer has acknowledged. */
  get acknowledged(): number {
    return Math.min(
      Math.max(sequenceDifference(this.#unacknowledged, this.isn) - 1, 0),
      this.#written.length,
    );
  }

  /** Active open. */
  connect(remote: HostPort, now: number): void {
    this.remote = remote;
    this.state = 'syn-sent';
    this.#next = this.#advanced(this.isn, 1);
    this.#sendSyn(now);
    this.#arm(now);
  }

  /** Passive open: takes the first connection that arrives at `local`. */
  listen(): void {
    this.state = 'listen';
  }

  /** Queues bytes and sends what the peer's window allows. */
  write(bytes: Uint8Array, now: number): void {
    if (this.#finWritten) throw new Error('write after shutdown');
    this.#written = concat(this.#written, bytes);
    this.#push(now);
  }

  /** Sends a FIN once everything written is out; receiving goes on. */
  shutdown(now: number): void {
    this.#finWritten = true;
    this.#push(now);
  }

  /** Sends RST and closes. */
  abort(now: number): void {
    if (this.remote !== undefined) this.#send('RA', this.#next, now);
    this.#close('aborted');
  }

  /** The segments to put on the wire since the last call. */
  takeSegments(): OutgoingSegment[] {
    const segments = this.#outgoing;
    this.#outgoing = [];
    return segments;
  }

  /** When `advance` has to be called next, in ms, if ever. */
  get nextTimer(): number | undefined {
    return this.#endOfTimeWait ?? this.#timer;
  }

  /** Lets time pass: retransmits and ends TIME_WAIT. */
  advance(now: number): void {
    if (this.#endOfTimeWait !== undefined && now >= this.#endOfTimeWait) this.#close(undefined);
    if (this.#timer === undefined || now < this.#timer) return;
    this.#attempts += 1;
    if (this.#attempts > (this.#options.retries ?? 12)) {
      this.#close('timeout');
      return;
    }
    this.#recoverUntil = this.#next;
    this.#retransmit(now);
    this.#arm(now);
  }

  /** Takes a segment in. Bad checksums are counted and the segment ignored, as are segments for others. */
  receive({ from, to, bytes, partialChecksum = false }: IncomingSegment, now: number): void {
    const segment = decodeTcp(bytes);
    if (segment === undefined || !tcpChecksumRight(bytes, from, to, partialChecksum)) {
      this.counts.badChecksums += 1;
      return;
    }
    if (segment.to !== this.local.port || !sameBytes(to, this.local.address)) return;
    if (this.state === 'listen') this.#receiveListening(segment, from, now);
    else if (this.#isRemote(from, segment.from)) this.#receiveKnown(segment, now);
  }

  #isRemote(from: Uint8Array, port: number): boolean {
    return this.remote !== undefined && port === this.remote.port && sameBytes(from, this.remote.address);
  }

  #receiveKnown(segment: TcpSegment, now: number): void {
    if (this.state === 'closed') return;
    if (this.state === 'syn-sent') this.#receiveSynSent(segment, now);
    else if (segment.flags.includes('R')) this.#receiveReset(segment, now);
    else if (segment.flags.includes('S')) this.#receiveSynAgain(segment, now);
    else if (segment.flags.includes('A')) this.#receiveOpen(segment, now);
  }

  #receiveListening(segment: TcpSegment, from: Uint8Array, now: number): void {
    if (!segment.flags.includes('S') || /[ARF]/.test(segment.flags)) return;
    this.remote = { address: from, port: segment.from };
    this.#acceptSyn(segment);
    this.#next = this.#advanced(this.isn, 1);
    this.state = 'syn-received';
    this.#sendSyn(now);
    this.#arm(now);
  }

  #receiveSynSent(segment: TcpSegment, now: number): void {
    const acknowledges = segment.flags.includes('A') && segment.ack === this.#next;
    if (segment.flags.includes('R')) {
      if (acknowledges) this.#close('reset');
      return;
    }
    if (!segment.flags.includes('S')) return;
    if (!acknowledges) {
      this.counts.badAcks += 1;
      return;
    }
    this.#acceptSyn(segment);
    this.#unacknowledged = segment.ack;
    this.#disarm();
    this.state = 'established';
    this.#send('A', this.#next, now);
    this.#push(now);
  }

  #receiveOpen(segment: TcpSegment, now: number): void {
    if (!this.#acceptable(segment)) {
      this.counts.duplicates += 1;
      this.#send('A', this.#next, now);
      return;
    }
    this.#noteStamp(segment);
    if (this.state === 'syn-received' && !this.#completeHandshake(segment)) return;
    if (!this.#receiveAck(segment, now)) return;
    this.#checkSacks(segment);
    this.#receiveData(segment, now);
  }

  /** Whether any byte of the segment is in the receive window (RFC 9293 3.10.7.4). */
  #acceptable(segment: TcpSegment): boolean {
    const length = segment.payload.length + (segment.flags.includes('F') ? 1 : 0);
    const offset = sequenceDifference(segment.seq, this.#receiveNext());
    return offset < this.#window && (length === 0 ? offset >= 0 : offset + length > 0);
  }

  /** RFC 5961 3.2: only the exact sequence number resets, another one in the window is asked about. */
  #receiveReset(segment: TcpSegment, now: number): void {
    const offset = sequenceDifference(segment.seq, this.#receiveNext());
    if (offset === 0) this.#close('reset');
    else if (offset > 0 && offset < this.#window) this.#challenge(now);
  }

  /** The SYN seen before means that our SYN-ACK, or our ACK of theirs, was lost; another one is RFC 5961 4.2. */
  #receiveSynAgain(segment: TcpSegment, now: number): void {
    if (segment.seq !== this.peerIsn) this.#challenge(now);
    else if (this.state === 'syn-received') this.#sendSyn(now);
    else this.#send('A', this.#next, now);
  }

  #challenge(now: number): void {
    this.counts.challengeAcks += 1;
    this.#send('A', this.#next, now);
  }

  #completeHandshake(segment: TcpSegment): boolean {
    if (segment.ack !== this.#next) {
      this.counts.badAcks += 1;
      return false;
    }
    this.completing = segment;
    this.state = 'established';
    return true;
  }

  /** Advances over what the peer has; false when the segment is to be ignored. */
  #receiveAck(segment: TcpSegment, now: number): boolean {
    if (sequenceDifference(segment.ack, this.#next) > 0) {
      this.counts.badAcks += 1;
      this.#send('A', this.#next, now);
      return false;
    }
    const advance = sequenceDifference(segment.ack, this.#unacknowledged);
    if (advance < 0) return true;
    this.#peerWindow = segment.window * (this.#scaling ? 2 ** this.#peerShift : 1);
    if (advance > 0) {
      this.#unacknowledged = segment.ack;
      this.#attempts = 0;
      this.#afterAck(now);
    }
    if (this.state !== 'closed') this.#push(now);
    return true;
  }

  #afterAck(now: number): void {
    const everything = this.#unacknowledged === this.#next;
    if (everything) this.#disarm();
    else this.#arm(now);
    if (this.#recoverUntil !== undefined) {
      if (sequenceDifference(this.#unacknowledged, this.#recoverUntil) < 0) this.#retransmit(now);
      else this.#recoverUntil = undefined;
    }
    if (!everything || !this.#finSent()) return;
    if (this.state === 'fin-wait-1') this.state = 'fin-wait-2';
    else if (this.state === 'closing') this.#enterTimeWait(now);
    else if (this.state === 'last-ack') this.#close(undefined);
  }

  #checkSacks(segment: TcpSegment): void {
    for (const { kind, bytes } of segment.options) {
      if (kind !== 5) continue;
      for (let at = 2; at + 4 <= bytes.length; at += 4) {
        const edge = readU32(bytes, at);
        const sent = sequenceDifference(edge, this.isn) > 0 && sequenceDifference(edge, this.#next) <= 0;
        if (!sent) this.counts.badSacks += 1;
      }
    }
  }

  #receiveData(segment: TcpSegment, now: number): void {
    const hasFin = segment.flags.includes('F');
    if (segment.payload.length === 0 && !hasFin) return;
    if (!this.#finReceived) {
      const offset = sequenceDifference(segment.seq, this.peerIsn!) - 1;
      const verdict = this.#incoming.add(offset, segment.payload, hasFin);
      if (verdict === 'old') this.counts.duplicates += 1;
      if (verdict === 'later') this.counts.outOfOrder += 1;
      if (this.#incoming.finished) this.#receiveFin(now);
    }
    this.#send('A', this.#next, now);
  }

  #receiveFin(now: number): void {
    this.#finReceived = true;
    if (this.state === 'established') this.state = 'close-wait';
    else if (this.state === 'fin-wait-1') this.state = 'closing';
    else if (this.state === 'fin-wait-2') this.#enterTimeWait(now);
  }

  #enterTimeWait(now: number): void {
    this.state = 'time-wait';
    this.#disarm();
    this.#endOfTimeWait = now + (this.#options.timeWait ?? 1000);
  }

  #close(failure: TinyTcp['failure']): void {
    this.state = 'closed';
    this.failure = failure;
    this.#endOfTimeWait = undefined;
    this.#disarm();
  }

  /** Takes the peer's SYN or SYN-ACK: its sequence number and what it offers. */
  #acceptSyn(segment: TcpSegment): void {
    this.opening = segment;
    this.peerIsn = segment.seq;
    this.#peerWindow = segment.window;
    for (const { kind, bytes } of segment.options) {
      if (kind === 2 && bytes.length === 4) this.peerMss = readU16(bytes, 2);
      if (kind === 4) this.#sacking = this.#options.sack ?? false;
      if (kind === 3 && bytes.length === 3 && this.#options.windowScale !== undefined) {
        this.#scaling = true;
        this.#peerShift = Math.min(bytes[2]!, 14);
      }
      if (kind === 8 && bytes.length === 10) this.#stamping = this.#options.timestamps ?? false;
    }
    this.#noteStamp(segment);
  }

  #noteStamp(segment: TcpSegment): void {
    const stamp = segment.options.find(({ kind, bytes }) => kind === 8 && bytes.length === 10);
    if (stamp !== undefined && sequenceDifference(segment.seq, this.#receiveNext()) <= 0)
      this.#lastStamp = readU32(stamp.bytes, 2);
  }

  /** Sends what is written and not yet sent, as far as the peer's window goes, then the FIN. */
  #push(now: number): void {
    const limit = this.#advanced(this.#unacknowledged, this.#peerWindow);
    while (this.state === 'established' || this.state === 'close-wait') {
      const sent = this.#sendFrom(this.#next, sequenceDifference(limit, this.#next), now);
      if (sent === 0) break;
      this.#next = this.#advanced(this.#next, sent);
      if (this.#timer === undefined) this.#arm(now);
      if (this.#finSent()) this.state = this.state === 'established' ? 'fin-wait-1' : 'last-ack';
    }
  }

  /** Sends one segment from `seq` on within `room` of sequence space; returns how much of it that took. */
  #sendFrom(seq: number, room: number, now: number): number {
    const index = sequenceDifference(seq, this.isn) - 1;
    const segmentSize = Math.min(this.peerMss, this.#maximumSegment()) - this.#headerOptions('PA').length;
    const left = this.#written.length - index;
    const size = Math.max(0, Math.min(left, room, Math.max(segmentSize, this.#options.offload ?? 0)));
    const fin = this.#finWritten && size === left && room > size;
    if (size === 0 && !fin) return 0;
    const payload = this.#written.subarray(index, index + size);
    this.#send(`${fin ? 'F' : ''}${size > 0 ? 'P' : ''}A`, seq, now, payload, segmentSize);
    return size + (fin ? 1 : 0);
  }

  #retransmit(now: number): void {
    this.counts.retransmissions += 1;
    if (this.state === 'syn-sent' || this.state === 'syn-received') this.#sendSyn(now);
    else this.#sendFrom(this.#unacknowledged, sequenceDifference(this.#next, this.#unacknowledged), now);
  }

  #sendSyn(now: number): void {
    const { windowScale, sack = false, timestamps = false } = this.#options;
    const answering = this.state === 'syn-received';
    const options: Uint8Array[] = [tcpOption.mss(this.#maximumSegment())];
    if (answering ? this.#sacking : sack) options.push(tcpOption.sackPermitted);
    if (answering ? this.#stamping : timestamps)
      options.push(tcpOption.timestamps(now >>> 0, this.#lastStamp));
    if (windowScale !== undefined && (!answering || this.#scaling)) {
      options.push(tcpOption.nop, tcpOption.windowScale(windowScale));
    }
    const raw = this.#options.options?.[answering ? 'syn-ack' : 'syn'];
    if (raw !== undefined) options.unshift(raw);
    this.#emit(answering ? 'SA' : 'S', this.isn, Math.min(this.#window, 65535), options);
  }

  /** Sends a segment of an open connection: flags, sequence number, payload. */
  #send(
    flags: string,
    seq: number,
    now: number,
    payload: Uint8Array = new Uint8Array(),
    segmentSize = 0,
  ): void {
    const shift = this.#scaling ? (this.#options.windowScale ?? 0) : 0;
    const window = Math.min(Math.floor(this.#window / 2 ** shift), 65535);
    this.#emit(flags, seq, window, [this.#headerOptions(flags, now)], payload, segmentSize);
  }

  /** The options of a segment that is no SYN: raw ones first, then timestamps, then SACK blocks as room allows. */
  #headerOptions(flags: string, now = 0): Uint8Array {
    if (flags.includes('R')) return new Uint8Array();
    const raw = this.#options.options?.[this.#role(flags)] ?? new Uint8Array();
    const parts = [raw];
    if (this.#stamping) {
      parts.push(tcpOption.nop, tcpOption.nop, tcpOption.timestamps(now >>> 0, this.#lastStamp));
    }
    const room = 40 - concat(...parts).length;
    const blocks = this.#sacking ? this.#incoming.blocks().slice(0, Math.floor((room - 4) / 8)) : [];
    if (blocks.length > 0 && this.peerIsn !== undefined) {
      const edges = blocks.flat().map((offset) => this.#advanced(this.peerIsn!, offset + 1));
      parts.push(tcpOption.nop, tcpOption.nop, tcpOption.sack(...edges));
    }
    return concat(...parts);
  }

  #role(flags: string): SegmentRole {
    if (this.#receiveNext() !== this.#advanced(this.peerIsn ?? 0, 1)) return 'later';
    const first = flags === 'A' && this.#next === this.#advanced(this.isn, 1);
    return first ? 'handshake-ack' : 'early';
  }

  #emit(
    flags: string,
    seq: number,
    window: number,
    options: readonly Uint8Array[],
    payload: Uint8Array = new Uint8Array(),
    segmentSize = 0,
  ): void {
    const { local, remote } = this;
    if (remote === undefined) throw new Error(`${hostPortText(local)} has nobody to send to`);
    const partial = (this.#options.offload ?? 0) > 0;
    const ack = flags.includes('A') ? this.#receiveNext() : 0;
    const checksum = partial ? 'partial' : 'good';
    const fields = { from: local.port, to: remote.port, seq, ack, flags, window, options, checksum } as const;
    this.#outgoing.push({
      from: local,
      to: remote,
      bytes: encodeTcp(fields, payload, local.address, remote.address),
      partialChecksum: partial,
      gsoSize: payload.length > segmentSize ? segmentSize : 0,
    });
  }

  get #window(): number {
    return this.#options.window ?? 65535;
  }

  #finSent(): boolean {
    return this.#finWritten && this.#next === this.#advanced(this.isn, this.#written.length + 2);
  }

  #maximumSegment(): number {
    return this.#options.mss ?? (this.local.address.length === 4 ? 1460 : 1440);
  }

  /** The next sequence number wanted from the peer. */
  #receiveNext(): number {
    const received = this.#incoming.bytes.length + (this.#finReceived ? 1 : 0);
    return this.peerIsn === undefined ? 0 : this.#advanced(this.peerIsn, 1 + received);
  }

  #advanced(seq: number, by: number): number {
    return (seq + by) >>> 0;
  }

  #arm(now: number): void {
    this.#timer = now + (this.#options.rto ?? 200) * 2 ** Math.min(this.#attempts, 6);
  }

  #disarm(): void {
    this.#timer = undefined;
    this.#attempts = 0;
  }
}
