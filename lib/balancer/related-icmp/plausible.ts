import { PROTOCOL_TCP } from '../../net/ipv4.js';
import { TCP_WINDOW_MAX } from '../../net/tcp.js';
import { FLAG_SERVER_SEEN, SERVER_ACKNOWLEDGED, SERVER_END, STATE } from '../connection/record.js';
import type { Frame } from '../frame.js';

/**
 * Whether a quoted segment can be on its way still: who cannot see a connection's packets does not know its sequence
 * numbers (RFC 5927 4.1). The ends check more narrowly, with what only they know.
 * @param fromClient whether it is the client's, as it went to the real server; else the other way round
 */
export function isInFlight(quote: Frame, words: Int32Array, base: number, fromClient: boolean): boolean {
  if (quote.protocol !== PROTOCOL_TCP || (words[base + STATE]! & FLAG_SERVER_SEEN) === 0) return true;
  const distance = fromClient
    ? (quote.sequence - words[base + SERVER_ACKNOWLEDGED]!) | 0
    : (words[base + SERVER_END]! - quote.sequence) | 0;
  return distance >= 0 && distance < TCP_WINDOW_MAX;
}
