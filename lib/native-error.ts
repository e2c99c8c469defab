import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { ToaError, type ToaErrorCode } from './errors.js';

const { errno } = constants;

interface Kind {
  readonly code: ToaErrorCode;
  readonly hint?: string;
}

const permission: Kind = {
  code: 'ERR_TOA_PERMISSION',
  hint: 'it needs CAP_NET_RAW: run as root, or in a user namespace of your own (unshare -Urn), or give it to Node: setcap cap_net_raw,cap_net_admin+ep "$(readlink -f "$(command -v node)")"',
};

const unreachable: Kind = { code: 'ERR_TOA_UNREACHABLE', hint: 'ip route get shows the way there' };

const kinds: ReadonlyMap<number, Kind> = new Map([
  [errno.EPERM, permission],
  [errno.EACCES, permission],
  [errno.ENODEV, { code: 'ERR_TOA_NO_INTERFACE', hint: 'ip link shows the interfaces there are' }],
  [errno.ENXIO, { code: 'ERR_TOA_NO_INTERFACE', hint: 'ip link shows the interfaces there are' }],
  [errno.ENETDOWN, { code: 'ERR_TOA_INTERFACE_DOWN', hint: 'ip link set it up' }],
  [errno.ENETUNREACH, unreachable],
  [errno.EHOSTUNREACH, unreachable],
  [errno.ENOPROTOOPT, { code: 'ERR_TOA_NOT_SUPPORTED', hint: 'this kernel does not know the option' }],
]);

/**
 * The error for a negative answer of the addon. `what` is what was tried and on what, as in `open a packet socket on eth0`.
 * Codes: ERR_TOA_PERMISSION, ERR_TOA_NO_INTERFACE, ERR_TOA_INTERFACE_DOWN, ERR_TOA_UNREACHABLE, ERR_TOA_NOT_SUPPORTED, for the rest ERR_TOA_SYSTEM.
 */
export function nativeError(what: string, negativeErrno: number): ToaError {
  const { code, hint }: Kind = kinds.get(-negativeErrno) ?? { code: 'ERR_TOA_SYSTEM' };
  const message = `cannot ${what}: ${getSystemErrorName(negativeErrno)}`;
  return new ToaError(code, message, hint === undefined ? {} : { hint });
}
