import type { ToaErrorCode } from '../lib/errors.js';

/** What `toa` exits with; scripts rely on it. */
export const exitStatus = {
  ok: 0,
  /** The command ran, and what it checked is not so. */
  failed: 1,
  /** Wrong arguments, or a wrong file. */
  usage: 2,
  /** Something is missing on this machine: a kernel feature, the module, a program, the addon. */
  unsupported: 3,
  permission: 4,
  /** By Ctrl-C; a command that has nothing to clean up dies by the signal, which shells call 130 as well. */
  interrupted: 130,
} as const;

const byCode: { [Code in ToaErrorCode]?: number } = {
  ERR_TOA_CAPTURE: exitStatus.usage,
  ERR_TOA_CONFIG: exitStatus.usage,
  ERR_TOA_ENCODE: exitStatus.usage,
  ERR_TOA_FORMAT: exitStatus.usage,
  ERR_TOA_NOT_YOURS: exitStatus.usage,
  ERR_TOA_TRUST: exitStatus.usage,
  ERR_TOA_TRUST_REQUIRED: exitStatus.usage,
  ERR_TOA_USAGE: exitStatus.usage,
  ERR_TOA_PERMISSION: exitStatus.permission,
  ERR_TOA_MODULE_SIGNATURE: exitStatus.unsupported,
  ERR_TOA_NAMESPACES: exitStatus.unsupported,
  ERR_TOA_NO_COMMAND: exitStatus.unsupported,
  ERR_TOA_NO_NODE_GYP: exitStatus.unsupported,
  ERR_TOA_SHIELD: exitStatus.unsupported,
  ERR_TOA_NOT_SUPPORTED: exitStatus.unsupported,
  ERR_TOA_UNSUPPORTED: exitStatus.unsupported,
  ERR_TOA_INTERRUPTED: exitStatus.interrupted,
  ERR_TOA_NO_INTERFACE: exitStatus.unsupported,
  ERR_TOA_INTERFACE_DOWN: exitStatus.unsupported,
};

/** The exit status that an error's stable code stands for. */
export function statusOf(code: ToaErrorCode): number {
  return byCode[code] ?? exitStatus.failed;
}

const bySystemCall: { [code: string]: number } = {
  EACCES: exitStatus.permission,
  EPERM: exitStatus.permission,
  ENOENT: exitStatus.usage,
  ENOTDIR: exitStatus.usage,
  EISDIR: exitStatus.usage,
};

/** The exit status for a system call that failed, which is most often about a file that was named: by the name of its errno. */
export function statusOfSystemCall(code: string): number {
  return bySystemCall[code] ?? exitStatus.failed;
}
