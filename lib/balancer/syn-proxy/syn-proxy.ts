import { ACK, FIN, RST, SYN } from '../../net/tcp.js';
import { COUNTER, type Counters } from '../counters.js';
import { beginRewrite } from '../forwarding/rewrite.js';
import type { Frame } from '../frame.js';
import type { LinkPort } from '../link-port.js';
import type { VirtualService } from '../service/virtual-service.js';
import { DROPPED } from '../verdict.js';
import { minuteOf, SynCookies } from './cookie.js';
import { withToldScale } from './cookie-data.js';
import { completeSyn, turnIntoSynAck } from './syn-ack.js';
import { answerOptions } from './syn-options.js';

/** The balancer's side of handshakes with clients, which needs no memory of them (syncookies, Bernstein 1996). */
export class SynProxy {
  readonly #cookies: SynCookies;
  readonly #counters: Counters;

  /** @param secret 16 bytes */
  constructor(secret: Uint8Array, counters: Counters) {
    this.#cookies = new SynCookies(secret);
    this.#counters = counters;
  }

  /**
   * Answers a client's SYN, in place; nothing is kept of it.
   * @param now milliseconds
   * @returns the link to send it on, or DROPPED
   */
  answer(frame: Frame, link: LinkPort, service: VirtualService, now: number): number {
    if (service.isOverRate) return this.#drop(COUNTER['drop-rate-limited']);
    if (!service.hasEligibleServer) return this.#drop(COUNTER['drop-syn-proxy-no-server']);
    const { synProtection } = service;
    const { settings } = synProtection;
    beginRewrite(frame);
    completeSyn(frame);
    const data = answerOptions(frame, settings, now, this.#counters);
    turnIntoSynAck(frame, link, this.#cookies.issue(frame, data, now), settings.ttl);
    synProtection.onIssued(minuteOf(now));
    this.#counters.add(COUNTER['syn-proxy-syn']);
    return link.index;
  }

  /** Whether a segment of no connection may be the ACK of a cookie. */
  expects(frame: Frame, service: VirtualService, now: number): boolean {
    return (
      (frame.tcpFlags & (ACK | SYN | RST | FIN)) === ACK && service.synProtection.expectsAck(minuteOf(now))
    );
  }

  /**
   * Judges an ACK that is expected.
   * @param now milliseconds
   * @returns what the cookie tells, with the window scale that was told with it (see `cookie-data.ts`), or `~counter` with the counter that says what is wrong
   */
  check(frame: Frame, { synProtection }: VirtualService, now: number): number {
    const data = this.#cookies.check(frame, now);
    if (data === -1) return ~COUNTER['drop-syn-proxy-bad-ack'];
    if (frame.payload === 0 && synProtection.settings.deferUntilData) {
      return ~COUNTER['drop-syn-proxy-null-ack'];
    }
    synProtection.onAccepted();
    this.#counters.add(COUNTER['syn-proxy-ack-ok']);
    return withToldScale(data, synProtection.toldWindowScale(minuteOf(now)));
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return DROPPED;
  }
}
