import type { ResolvedService } from '../config/model.js';
import { wordsOf } from '../routes.js';

/** A real server of one virtual service, and what the schedulers look at. */
export class RealServer {
  /** Its position among all the balancer's real servers. */
  readonly index: number;
  /** Four words. */
  readonly address: Int32Array;
  readonly port: number;
  /** 0 to 65535; 0 is quiesced: it keeps its connections and gets no new ones. */
  weight: number;
  /** The last weight that was not 0, as `last_weight` in ip_vs_dest: what maglev's table is made from. */
  lastWeight: number;
  /** Its connections in an active state (see tcp-state.ts), and the others. */
  active = 0;
  inactive = 0;
  /** It has more connections than its threshold allows, and gets no new ones (IP_VS_DEST_F_OVERLOAD). */
  overloaded = false;
  /** It is in the configuration; a removed one lives on for as long as it has connections (IP_VS_DEST_F_AVAILABLE). */
  available = true;

  constructor(index: number, config: ResolvedService['realServers'][number]) {
    this.index = index;
    this.address = wordsOf(config.address);
    this.port = config.port;
    this.weight = config.weight;
    this.lastWeight = config.weight;
  }

  /** Connections in the table. */
  get connections(): number {
    return this.active + this.inactive;
  }

  /** Whether it may be given a new connection at all: what every scheduler asks first. */
  get eligible(): boolean {
    return this.weight > 0 && !this.overloaded;
  }
}
