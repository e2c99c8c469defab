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
  readonly weight: number;
  /** Connections in the table. */
  connections = 0;

  constructor(index: number, config: ResolvedService['realServers'][number]) {
    this.index = index;
    this.address = wordsOf(config.address);
    this.port = config.port;
    this.weight = config.weight;
  }
}
