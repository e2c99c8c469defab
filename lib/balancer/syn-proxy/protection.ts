import { defaultHalfOpenHigh, defaultSynProxy, defaultSynProxyMss } from '../config/defaults.js';
import type { SynProxyConfig } from '../config/model.js';
import { STATES } from '../connection/state.js';
import { COUNTER, type Counters } from '../counters.js';
import { COOKIE_MINUTES } from './cookie.js';

/** Of a service that cannot have it, or that was never given any. */
const NO_SYN_PROXY: Required<SynProxyConfig> = {
  mode: 'off',
  mss: defaultSynProxyMss[4],
  badAck: 'drop',
  halfOpenHigh: defaultHalfOpenHigh,
  halfOpenLow: 0,
  ...defaultSynProxy,
};

/** Seconds over which SYNs that were answered are compared with cookies that came back. */
const WINDOW = 10;
const NEVER = -COOKIE_MINUTES;

/**
 * Whether a service's SYNs are answered with cookies. `auto` begins when more connections are half open than
 * `halfOpenHigh`; from then on SYNs leave no connections that could be counted, so that their number is what the SYNs
 * of the last ten seconds that were not followed by a cookie's ACK would have left.
 */
export class SynProtection {
  /** Connections that a client's SYN opened and that wait for its ACK. */
  halfOpen = 0;
  settings: Required<SynProxyConfig> = NO_SYN_PROXY;
  /** A bit for each state of `reuse`. */
  #reusable = 0;
  /** `auto` is on. */
  #isActive = false;
  /** The minute in which it issued a cookie last, and the window scale that it told with it; */
  #issued = NEVER;
  #toldScale = 0;
  /** the same of the last cookie before the scale was another. */
  #formerIssued = NEVER;
  #formerScale = 0;
  #lifetime = 0;
  #answered = 0;
  #accepted = 0;
  /** Seconds of the window so far. */
  #seconds = 0;
  /** Half-open connections that there would be without it, as of the last window. */
  #spared = 0;

  /**
   * @param lifetime seconds that a connection stays half open
   * @param settings none where the mode does not allow it
   */
  configure(lifetime: number, settings: Required<SynProxyConfig> = NO_SYN_PROXY): void {
    this.#lifetime = lifetime;
    this.settings = settings;
    this.#reusable = settings.reuse.reduce((bits, state) => bits | (1 << STATES.indexOf(state)), 0);
    if (settings.mode !== 'auto') this.#isActive = false;
  }

  /** Whether a connection in this state may make way for a new handshake of the same client. */
  mayReuse(state: number): boolean {
    return ((this.#reusable >>> state) & 1) === 1;
  }

  /** Whether it answers SYNs with cookies. */
  get isOn(): boolean {
    return this.#isActive || this.settings.mode === 'on';
  }

  /** Whether a SYN is to be answered with a cookie. */
  takesSyn(counters: Counters): boolean {
    const { mode, halfOpenHigh } = this.settings;
    if (mode !== 'auto') return mode === 'on';
    if (!this.#isActive && this.halfOpen > halfOpenHigh) {
      this.#isActive = true;
      this.#beginWindow();
      counters.add(COUNTER['syn-proxy-auto-on']);
    }
    return this.#isActive;
  }

  /**
   * Whether an ACK may be of a cookie: only while there are some that are not too old, so that nobody can try his luck
   * with a service without SYN proxy, and handshakes end well after it was switched off.
   */
  expectsAck(minute: number): boolean {
    return minute - this.#issued < COOKIE_MINUTES;
  }

  /** A SYN was answered. */
  onIssued(minute: number): void {
    const { windowScale } = this.settings;
    if (windowScale !== this.#toldScale) {
      this.#formerScale = this.toldWindowScale(this.#issued);
      this.#formerIssued = this.#issued;
      this.#toldScale = windowScale;
    }
    this.#issued = minute;
    this.#answered++;
  }

  /**
   * The window scale that a client with a sound cookie was told, whatever the settings are by now. While there are cookies
   * of two scales it is the larger: windows may then be told too small, but never larger than they are.
   */
  toldWindowScale(minute: number): number {
    const mayBeFormer = minute - this.#formerIssued < COOKIE_MINUTES;
    return mayBeFormer ? Math.max(this.#formerScale, this.#toldScale) : this.#toldScale;
  }

  /** A cookie came back. */
  onAccepted(): void {
    this.#accepted++;
  }

  /** Half-open connections, with those that there would be without cookies. */
  get pressure(): number {
    return this.halfOpen + this.#spared;
  }

  /** A second has passed. */
  advance(counters: Counters): void {
    if (++this.#seconds < WINDOW) return;
    this.#spared = Math.max(0, Math.round(((this.#answered - this.#accepted) / WINDOW) * this.#lifetime));
    this.#beginWindow();
    if (!this.#isActive || this.pressure > this.settings.halfOpenLow) return;
    this.#isActive = false;
    counters.add(COUNTER['syn-proxy-auto-off']);
  }

  #beginWindow(): void {
    this.#seconds = 0;
    this.#answered = 0;
    this.#accepted = 0;
  }
}
