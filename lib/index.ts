import { keepSynsForClusterWorkers } from './receiver/cluster.js';

export { ToaError, type ToaErrorCode } from './errors.js';
export type { Endpoint, Family } from './net/address.js';
export { type Attachment, type AttachOptions, attach } from './receiver/attach.js';
export { type ClientAddress, type ClientAddressTarget, getClientAddress } from './receiver/client-address.js';
export {
  type ConnectionMessage,
  connectionChannel,
  type MissingMessage,
  missingChannel,
  type TypedChannel,
  type UntrustedMessage,
  untrustedChannel,
} from './receiver/diagnostics.js';
export type { ReceiverStats } from './receiver/stats.js';
export { type Support, support } from './receiver/support.js';
export { privateBlocks, type Trust } from './receiver/trust.js';
export type { FormatId, FormatName } from './toa/index.js';

keepSynsForClusterWorkers();
