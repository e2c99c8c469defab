import { wordsOf } from '../address-words.js';
import { realServerName } from '../config/identity.js';
import type { ResolvedRealServer } from '../config/model.js';

/** A real server of one virtual service, and what the schedulers look at. */
export class RealServer {
  /** Its position among all the balancer's real servers. */
  readonly index: number;
  /** Four words. */
  readonly address: Int32Array;
  config!: ResolvedRealServer;
  /** For people: `10.0.0.11:8080`. */
  name!: string;
  /** Where it listens; 0: on the port that the client connected to. */
  port!: number;
  /** 0 to 65535; 0 is quiesced: it keeps its connections and gets no new ones. */
  weight: number;
  /** The last weight that was not 0, as `last_weight` in ip_vs_dest: what maglev's table is made from. */
  lastWeight: number;
  /** Its connections in an active state (see connection/state.ts), and the others. */
  active = 0;
  inactive = 0;
  /** Templates of persistence that lead to it. */
  persistent = 0;
  /** It has more connections than its threshold allows, and gets no new ones (IP_VS_DEST_F_OVERLOAD). */
  overloaded = false;
  /** It is in the configuration; a removed one lives on for as long as it has connections (IP_VS_DEST_F_AVAILABLE). */
  available = true;

  #upperThreshold = 0;
  #lowerThreshold = 0;

  constructor(index: number, config: ResolvedRealServer) {
    this.index = index;
    this.address = wordsOf(config.address);
    this.weight = config.weight;
    this.lastWeight = config.weight;
    this.configure(config);
  }

  /** Takes over what may change. */
  configure(config: ResolvedRealServer): void {
    this.config = config;
    this.name = realServerName(config);
    this.port = config.port ?? 0;
    this.setWeight(config.weight);
    this.setThresholds(config.upperThreshold, config.lowerThreshold);
  }

  /** Whether a connection or a template has it. */
  get isInUse(): boolean {
    return this.connections > 0 || this.persistent > 0;
  }

  /** Changes its weight, 0 to 65535; the schedulers are told by `Scheduler.update`. */
  setWeight(weight: number): void {
    this.weight = weight;
    if (weight !== 0) this.lastWeight = weight;
  }

  /**
   * Limits its connections: with `upper` of them it is overloaded, until there are less than `lower` again.
   * @param upper 0: no limit
   * @param lower 0: three quarters of `upper`
   */
  setThresholds(upper: number, lower: number): void {
    this.#upperThreshold = upper;
    this.#lowerThreshold = lower;
    this.#compareWithThresholds();
  }

  get upperThreshold(): number {
    return this.#upperThreshold;
  }

  get lowerThreshold(): number {
    return this.#lowerThreshold;
  }

  /** A connection is its own from now on, and not active yet. */
  bound(): void {
    this.inactive++;
    this.#compareWithThresholds();
  }

  /** One of its connections came into an active state, */
  activated(): void {
    this.inactive--;
    this.active++;
  }

  /** or left it. */
  deactivated(): void {
    this.active--;
    this.inactive++;
  }

  /** One of its connections is over. @param active whether it was in an active state */
  unbound(active: boolean): void {
    if (active) this.active--;
    else this.inactive--;
    this.#compareWithThresholds();
  }

  /** Between the thresholds it stays what it is (ip_vs_dest_update_overload() in Linux 6.12). */
  #compareWithThresholds(): void {
    const upper = this.#upperThreshold;
    const lower = this.#lowerThreshold || upper * 0.75;
    if (upper !== 0 && this.connections >= upper) this.overloaded = true;
    else if (upper === 0 || this.connections < lower) this.overloaded = false;
  }

  /** Connections in the table. */
  get connections(): number {
    return this.active + this.inactive;
  }

  /** Whether it may be given a new connection at all: what every scheduler asks first. */
  get eligible(): boolean {
    return this.available && this.weight > 0 && !this.overloaded;
  }
}
