import { readlinkSync } from 'node:fs';
import { native } from '../../lib/native.js';
import type { System } from '../module/system.js';

/** Sockets of all processes whose descriptors we may see, by inode. */
export interface Sockets {
  /** The value of an integer socket option; undefined where the socket is nobody's that we may ask. */
  option(inode: string, level: number, name: number): number | undefined;
}

/**
 * The sockets that processes of this machine have open. They are asked by a copy of the descriptor, which leaves the process
 * alone. A system elsewhere has no processes: nothing is known of its sockets.
 */
export function socketsOf(system: System): Sockets {
  const owners = system.isOurs ? findOwners(system) : new Map<string, Owner>();
  return {
    option: (inode, level, name) => {
      const owner = owners.get(inode);
      return owner && ask(owner, inode, level, name);
    },
  };
}

interface Owner {
  readonly pid: number;
  readonly fd: number;
}

function findOwners(system: System): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const pid of system.list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of system.list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) owners.set(inode, { pid: Number(pid), fd: Number(fd) });
    }
  }
  return owners;
}

/** A descriptor may be closed, and a process end, while we look. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function ask({ pid, fd }: Owner, inode: string, level: number, name: number): number | undefined {
  const addon = native();
  const copy = addon?.duplicateFd(pid, fd);
  if (addon === undefined || copy === undefined || copy < 0) return undefined;
  // The descriptor may have become another socket's since it was found.
  const isStillIt = linkOf(`/proc/self/fd/${copy}`) === `socket:[${inode}]`;
  const value = new Int32Array(1);
  const length = addon.getSocketOption(copy, level, name, new Uint8Array(value.buffer));
  addon.closeFd(copy);
  return isStillIt && length === value.byteLength ? value[0] : undefined;
}
