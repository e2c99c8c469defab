import { ACK, FIN, RST, SYN, TCP_HEADER, TCP_WINDOW } from '../../net/tcp.js';
import { STORM_ACKNOWLEDGMENT, STORM_REPEATS, STORM_SEQUENCE, STORM_TICK } from '../connection/record.js';
import { ticksOf } from '../connection/timer-wheel.js';
import { carriesSack } from '../forwarding/server-options.js';
import type { Frame } from '../frame.js';

/** ACKs of a storm follow each other by a round trip; keep-alive and window probes, which are equal too, by seconds. */
const PAUSE = ticksOf(0.5);
/** STORM_REPEATS has the window above these bits. */
const REPEATS = 0xffff;

/**
 * Whether a real server's packet is one of too many equal ACKs: two ends that disagree about a connection's numbers
 * answer each other's ACKs for ever (CERT VU#102014), and behind a SYN proxy a wrong delta would make them disagree. One
 * with data or selective acknowledgments is never too many.
 * @param threshold so many equal ones pass; 0: all
 */
export function isAckStorm(
  frame: Frame,
  words: Int32Array,
  base: number,
  threshold: number,
  tick: number,
): boolean {
  if (threshold === 0) return false;
  if (frame.payload > 0 || (frame.tcpFlags & (ACK | SYN | FIN | RST)) !== ACK) {
    words[base + STORM_REPEATS]! &= ~REPEATS;
    return false;
  }
  const paused = tick - words[base + STORM_TICK]! > PAUSE;
  const window = frame.view.getUint16(frame.l4 + TCP_WINDOW);
  words[base + STORM_TICK] = tick;
  if (
    paused ||
    words[base + STORM_SEQUENCE] !== frame.sequence ||
    words[base + STORM_ACKNOWLEDGMENT] !== frame.acknowledgment ||
    words[base + STORM_REPEATS]! >>> 16 !== window ||
    (frame.l4Length > TCP_HEADER && carriesSack(frame))
  ) {
    words[base + STORM_SEQUENCE] = frame.sequence;
    words[base + STORM_ACKNOWLEDGMENT] = frame.acknowledgment;
    words[base + STORM_REPEATS] = window << 16;
    return false;
  }
  const repeats = (words[base + STORM_REPEATS]! & REPEATS) + 1;
  if (repeats >= threshold) return true;
  words[base + STORM_REPEATS]! += 1;
  return false;
}
