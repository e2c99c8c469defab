import type { Endpoint } from '../net/address.js';
import type { FormatId } from './registry.js';

export type { Endpoint } from '../net/address.js';

/** What one option said. */
export interface ToaRecord {
  readonly format: FormatId;
  /** The client as the balancer saw it; absent where the format carries the VIP alone. */
  readonly client?: Endpoint;
  /** The virtual service that the client had called. */
  readonly vip?: Endpoint;
  /** Present wherever the format has room for it. */
  readonly vpcId?: number;
}
