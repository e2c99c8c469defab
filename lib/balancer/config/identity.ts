import type { ResolvedRealServer, ResolvedService } from './model.js';
import { formatTarget } from './service-name.js';
import { familyOf } from './siblings.js';

/** Whether a service takes IPv6 clients to IPv4 real servers by FULLNAT: its local addresses are of their family. */
export function isNat64({ mode, address, localAddresses }: ResolvedService): boolean {
  const [vip] = address as [string];
  const [local] = localAddresses;
  return mode === 'fullnat' && local !== undefined && familyOf(vip) === 6 && familyOf(local) === 4;
}

/** What people call it: `10.0.0.11:8080`, or the address alone where it has no port of its own. */
export function realServerName({ address, port }: ResolvedRealServer): string {
  return port === undefined ? address : formatTarget(address, port);
}
