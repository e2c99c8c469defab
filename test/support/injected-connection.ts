import { Duplex } from 'node:stream';
import { decodeTcp, type TcpSegment } from './tcp-segment.js';
import { type IncomingSegment, type OutgoingSegment, TinyTcp } from './tiny-tcp.js';
import { type HostPort, hostPort, hostPortText } from './wire.js';

export interface InjectedConnectionOptions {
  /** The address that the connection comes from; by default 10.9.1.1 or fd00:9:1::1, on a port of its own. */
  readonly from?: string;
  /** Option bytes to put on the SYN, before the usual ones. */
  readonly syn?: Uint8Array;
  /** Option bytes to put on the ACK that ends the handshake, and on early data. */
  readonly ack?: Uint8Array;
  /** Option bytes for early data, where they are not those of `ack`. */
  readonly early?: Uint8Array;
  /** Over IPv6: what a header of destination options has in it, on each segment (RFC 8200 4.6). */
  readonly destinationOptions?: Uint8Array;
  /** Which of its segments get lost on the way. */
  readonly loses?: (segment: TcpSegment) => boolean;
  /** Which of its segments arrive twice. */
  readonly repeats?: (segment: TcpSegment) => boolean;
}

/** A client's end of a TCP connection, played by TinyTcp, as a stream: TLS and HTTP clients can be put on it. */
export class InjectedConnection extends Duplex {
  readonly local: HostPort;
  readonly #remote: HostPort;
  readonly #tcp: TinyTcp;
  readonly #transmit: (segments: readonly OutgoingSegment[]) => void;
  #delivered = 0;
  #timer: NodeJS.Timeout | undefined;
  #opened = false;
  #ended = false;

  constructor(
    to: string,
    port: number,
    options: InjectedConnectionOptions,
    transmit: (segments: readonly OutgoingSegment[]) => void,
  ) {
    super({ allowHalfOpen: true });
    this.#remote = parseHostPort(to);
    this.local = options.from
      ? parseHostPort(options.from)
      : hostPort(this.#remote.address.length === 4 ? '10.9.1.1' : 'fd00:9:1::1', port);
    const { syn = new Uint8Array(), ack = new Uint8Array(), early = ack } = options;
    this.#transmit = (segments) => transmit(segments.flatMap((segment) => fate(segment, options)));
    this.#tcp = new TinyTcp({
      local: this.local,
      options: { syn, 'handshake-ack': ack, early },
    });
  }

  /** The client's address as it is written in a report: `203.0.113.7:51514`. */
  get name(): string {
    return hostPortText(this.local);
  }

  open(): void {
    this.#tcp.connect(this.#remote, now());
    this.#flush();
  }

  receive(segment: IncomingSegment): void {
    this.#tcp.receive(segment, now());
    this.#flush();
  }

  /** Sends a RST, as soon as the connection is open. */
  reset(): void {
    this.#tcp.abort(now());
    this.#flush();
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#tcp.write(chunk, now());
    this.#flush();
    done();
  }

  override _final(done: () => void): void {
    this.#tcp.shutdown(now());
    this.#flush();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    if (this.#tcp.state !== 'closed' && this.#tcp.state !== 'time-wait') {
      this.#tcp.abort(now());
      this.#transmit(this.#tcp.takeSegments());
    }
    done(error);
  }

  /** After every event: puts segments on the wire, hands bytes over, and sets the clock for the next one. */
  #flush(): void {
    this.#transmit(this.#tcp.takeSegments());
    clearTimeout(this.#timer);
    if (this.destroyed) return;
    this.#tellOpen();
    this.#deliver();
    if (this.#tcp.failure === 'reset')
      this.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    else if (this.#tcp.nextTimer !== undefined) this.#setTimer(this.#tcp.nextTimer);
  }

  #tellOpen(): void {
    if (this.#opened || this.#tcp.state === 'syn-sent') return;
    this.#opened = true;
    this.emit('connect');
  }

  /** Whoever reads may write at once, and come by here again: so what is handed over is written down before. */
  #deliver(): void {
    const { received, peerFinished } = this.#tcp;
    const fresh = received.slice(this.#delivered);
    const ends = peerFinished && !this.#ended;
    this.#delivered = received.length;
    this.#ended = peerFinished;
    if (fresh.length > 0) this.push(fresh);
    if (ends) this.push(null);
  }

  #setTimer(at: number): void {
    this.#timer = setTimeout(() => {
      this.#tcp.advance(now());
      this.#flush();
    }, at - now()).unref();
  }
}

/** What becomes of a segment on the way: nothing, itself, or itself twice. */
function fate(
  segment: OutgoingSegment,
  { loses, repeats }: InjectedConnectionOptions,
): readonly OutgoingSegment[] {
  if (!loses && !repeats) return [segment];
  const decoded = decodeTcp(segment.bytes)!;
  if (loses?.(decoded)) return [];
  return repeats?.(decoded) ? [segment, segment] : [segment];
}

/** TinyTcp wants milliseconds, and writes them into timestamps. */
function now(): number {
  return Math.floor(performance.now());
}

/** Reads `203.0.113.7:51514` and `[2001:db8::7]:51514`. */
export function parseHostPort(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return hostPort(text.slice(0, colon).replace(/^\[|\]$/g, ''), Number(text.slice(colon + 1)));
}
