import { randomBytes } from 'node:crypto';
import type { RawLine } from './raw-line.js';
import { type Carrier, type ClientCounts, type Ending, TcpClient } from './tcp-client.js';

export interface ExchangeOptions {
  /** What is sent as soon as the connection is open. */
  readonly request: Uint8Array;
  /** Option bytes by the segment they are on. */
  readonly marks: Readonly<Partial<Record<Carrier, Uint8Array>>>;
  /** The ACK that ends the handshake is lost, and the request ends it. */
  readonly losesAck: boolean;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** Breaks it off earlier. */
  readonly signal: AbortSignal;
}

/** What became of a connection. */
export interface Exchange {
  readonly ending: Ending;
  /** Whether the handshake was completed. */
  readonly opened: boolean;
  /** The bytes that came back. */
  readonly answer: Uint8Array;
  readonly counts: ClientCounts;
}

/** What tunnels on the way leave of 1500 bytes in most places, headers and options taken off (RFC 8200 5: 1280 always pass). */
const MAXIMUM_SEGMENT = 1220;
const LONGEST_ANSWER = 1 << 20;
const RETRANSMIT_AFTER = 1000;

/**
 * Makes one connection over the line: sends the request and takes the answer until its end, for as long as it may take.
 * The kernel must be kept from resetting it.
 * @throws ToaError ERR_TOA_FIREWALL, ERR_TOA_UNREACHABLE, ERR_TOA_SYSTEM
 */
export async function exchange(line: RawLine, options: ExchangeOptions): Promise<Exchange> {
  const { request, marks, losesAck, timeout, signal } = options;
  const client = new TcpClient({
    localPort: line.source.port,
    remotePort: line.destination.port,
    addresses: line.addresses,
    isn: randomBytes(4).readUInt32BE(),
    maximumSegment: MAXIMUM_SEGMENT,
    request,
    marks,
    losesAck,
    longestAnswer: LONGEST_ANSWER,
    retransmitAfter: RETRANSMIT_AFTER,
  });
  // Not AbortSignal.any(): what it makes may be collected, with its listeners, before it fires (Node 20).
  const end = new AbortController();
  const abort = () => end.abort();
  const limit = setTimeout(abort, timeout);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await run(line, client, end.signal);
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', abort);
  }
  return { ending: client.ending!, opened: client.opened, answer: client.answer, counts: client.counts };
}

/** Lets segments and the time get at the client until its connection has ended. */
function run(line: RawLine, client: TcpClient, end: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stop = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    const step = (event: (now: number) => void) => {
      try {
        event(performance.now());
        for (const segment of client.takeSegments()) line.send(segment);
      } catch (error) {
        reject(error);
      }
      clearTimeout(timer);
      if (client.ending !== undefined) resolve();
      else if (client.nextTimer !== undefined) {
        timer = setTimeout(() => step((now) => client.advance(now)), client.nextTimer - performance.now());
      }
    };
    stop = line.start((bytes) => step((now) => client.receive(bytes, now)), reject);
    step((now) => client.open(now));
    const abort = () => step(() => client.abort());
    if (end.aborted) abort();
    else end.addEventListener('abort', abort, { once: true });
  });
  return ended.finally(() => {
    clearTimeout(timer);
    stop();
  });
}
