import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ToaError } from './errors.js';

/**
 * The native addon: what Node cannot do itself. Callers check the arguments, the addon trusts them. Where nothing else
 * is said, a function answers a number that is zero or more, or -errno; `nativeError` makes an error of the latter.
 */
export interface NativeAddon {
  /** Sets TCP_SAVE_SYN of a TCP socket: 0 off, 1 keep the IP and TCP headers, 2 the MAC header too. */
  setSaveSyn(fd: number, value: 0 | 1 | 2): number;

  /**
   * Reads TCP_SAVED_SYN of an accepted connection; answers the bytes filled. 0: there is none, because it was not asked
   * for, was read before, or SYN cookies were in use. -EINVAL: `into` is too small, and the SYN is still there.
   */
  readSavedSyn(fd: number, into: Uint8Array): number;

  /** getsockopt(2) with raw numbers; answers the bytes filled. */
  getSocketOption(fd: number, level: number, name: number, into: Uint8Array): number;

  /** getpeername(2): a raw sockaddr. Answers its length, which may be more than `into` had room for. */
  getPeerName(fd: number, into: Uint8Array): number;

  /**
   * A descriptor of our own for what a process has open under its descriptor `fd`, by pidfd_getfd(2) (Linux 5.6). Needs the rights
   * of a debugger (-EPERM), which root has and an owner may have. Answers the descriptor; -ESRCH, -EBADF where it is gone.
   */
  duplicateFd(pid: number, fd: number): number;

  /** getsockname(2), in the same way. */
  getSocketName(fd: number, into: Uint8Array): number;

  /** Closes a file descriptor that this addon opened. Close its `Poll` first. */
  closeFd(fd: number): number;

  /** The index of the interface of this name in the network namespace of the calling thread, or -ENODEV. */
  interfaceIndex(name: string): number;

  /**
   * Describes an interface in 16 bytes, little-endian: MTU u32 at 0, IFF_* flags u32 at 4, MAC address at 8, hardware
   * type u16 (ARPHRD_*, Ethernet is 1) at 14.
   */
  interfaceDescription(name: string, into: Uint8Array): number;

  /**
   * Opens a non-blocking packet socket that sees every frame of one interface, except VLAN-tagged ones (also those with
   * VLAN 0): they belong to the sub-interfaces. `flags` is made of `PacketSocketFlag`. The buffer size is in bytes and is for
   * each of the two directions; it goes past the limits in /proc/sys/net/core only with CAP_NET_ADMIN, else up to them.
   * A `filter` of classic BPF, 8 bytes for each instruction as in `struct sock_filter`, decides instead what is seen.
   * Interface 0 is all of them; their frames differ, so it goes with `cooked`.
   * Needs CAP_NET_RAW (-EPERM) and Linux 4.20. Answers the file descriptor.
   */
  packetSocketOpen(interfaceIndex: number, flags: number, bufferBytes: number, filter?: Uint8Array): number;

  /**
   * Receives up to `count` frames (at most 64) in one recvmmsg(2), without waiting. `table` holds pairs: frame i is written at
   * `arena[table[2 * i]]`, where `capacity` bytes must be free, and its length is put into `table[2 * i + 1]`.
   * Answers how many pairs were filled, 0 if nothing is there. A negative length is a frame that was lost:
   * -EMSGSIZE it was longer than `capacity`; -EINVAL its kind of GSO cannot be told in a virtio header.
   * -ENETDOWN, told once: the interface was down when the socket was opened, or went down or away.
   * With `timestamps` on the socket, frame i's goes to `times[i]`, in microseconds since 1970.
   */
  packetSocketReceive(
    fd: number,
    arena: Uint8Array,
    table: Int32Array,
    count: number,
    capacity: number,
    times?: Float64Array,
  ): number;

  /**
   * Sends up to `count` frames (at most 64), the pairs in `table` being offset and length in `arena`, without waiting: one
   * sendmmsg(2), and one more for each frame that is refused. Answers how many were sent. The others are not tried
   * again; their lengths become -errno, -EAGAIN where the send buffer was full.
   */
  packetSocketSend(fd: number, arena: Uint8Array, table: Int32Array, count: number): number;

  /** Reads PACKET_STATISTICS, and so resets it: `[frames that passed the filter, of them dropped for want of buffer]`. */
  packetSocketStatistics(fd: number, into: Uint32Array): number;

  /** Memory in pages of its own, for rings to be put into; zeros. Huge ones where the kernel has them (madvise(2), MADV_HUGEPAGE). */
  allocatePages(bytes: number, huge: boolean): ArrayBuffer | number;

  readonly PacketRing: new (
    fd: number,
    arena: Uint8Array,
    offset: number,
    blockBytes: number,
    blocks: number,
    slotBytes: number,
    capacity: number,
    reserve: number,
  ) => PacketRing;

  /**
   * Opens a non-blocking raw socket for TCP segments to and from one host, whose address has 4 or 16 bytes; the kernel chooses
   * the route and the address to send from (`getSocketName`). Needs CAP_NET_RAW (-EPERM). -ENETUNREACH: there is no route.
   */
  rawSocketOpen(address: Uint8Array): number;

  /** Sends a TCP segment, checksum and all; the kernel puts the IP header before it. */
  rawSocketSend(fd: number, segment: Uint8Array): number;

  /**
   * Receives a TCP segment, with its IP header where that is IPv4, without waiting: -EAGAIN where none is there. The kernel
   * handles it too. The checksum may be partial, as segments of this machine's own are.
   */
  rawSocketReceive(fd: number, into: Uint8Array): number;

  /** Takes a free TCP port of this address (`getSocketName` tells which) until the descriptor that it answers is closed. */
  reserveTcpPort(address: Uint8Array): number;

  readonly Poll: new (fd: number, onReadable: () => void) => Poll;
}

/**
 * Frames of a packet socket in memory that is shared with the kernel (TPACKET_V2): `blocks` blocks of `blockBytes`, each of
 * as many slots of `slotBytes` as fit, from `offset` on, a page's first byte in an `arena` of `allocatePages`. A frame begins
 * `reserve` + 76 bytes into its slot (`reserve` + 90 - 14), its virtio_net_hdr right before it.
 * Linux 4.20. Close it before its socket, which lives on otherwise.
 */
export interface PacketRing {
  /** Shares the memory with the kernel. From now on frames come by `receive` alone; those that waited are gone. */
  open(): number;
  /**
   * Takes up to `count` frames that have come, without waiting, and puts pairs of offset and length into `frames`. One that is
   * longer than a slot is put at `spare[i]`, a pair's own, with its virtio_net_hdr before it, where `capacity` bytes must be
   * free. A negative length is a frame that was lost: -ENOBUFS longer than a slot, and the socket's buffer was full;
   * -EMSGSIZE longer than `capacity`. Answers how many pairs were filled. No system call where nothing is there.
   */
  receive(spare: Int32Array, frames: Int32Array, count: number): number;
  /** Gives the slots of all frames that were taken back to the kernel. Until then the socket is told to be readable. */
  release(): number;
  /** Whether no frame has come that was not taken. */
  isEmpty(): boolean;
  /** What makes the socket readable where no frame does, told once: -ENETDOWN, as `packetSocketReceive` has it, or 0. */
  pendingError(): number;
  /** Ends the sharing; the memory stays, as ordinary memory. */
  close(): number;
}

/**
 * Calls back from the event loop while a file descriptor is readable, or has an error pending: read until nothing is left.
 * One poll per file descriptor. It ends by `close()`, which must come before the descriptor is closed, or with its thread.
 */
export interface Poll {
  /** Answers 0 or -errno: -EEXIST the loop already watches this descriptor, -EPERM it cannot be polled, -EBADF. */
  start(): number;
  stop(): number;
  /** A started poll keeps the process alive; `unref()` ends that, `ref()` brings it back. */
  ref(): void;
  unref(): void;
  close(): void;
}

/**
 * The flags of `packetSocketOpen`. With `virtioHeader` a virtio_net_hdr of 10 bytes stands before each frame, both ways;
 * with `cooked` there is no link layer header: frames begin with IP, whatever the interface; `timestamps` takes the time of arrival.
 */
export const PacketSocketFlag = {
  promiscuous: 1,
  virtioHeader: 2,
  ignoreOutgoing: 4,
  allMulticast: 8,
  cooked: 16,
  timestamps: 32,
} as const;

export type NativeSupport =
  | { readonly supported: true }
  | { readonly supported: false; readonly reason: string; readonly hint: string };

/** The folder of the package, or of the checkout: this file runs as dist/lib/native.js. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Where the addon is once it was built on this machine. */
export const builtAddon = join(packageRoot, 'build', 'Release', 'toakit.node');

const buildHint = 'build it on this machine with: npx toa build-addon';

type Loaded = { readonly addon: NativeAddon } | Exclude<NativeSupport, { supported: true }>;

let loaded: Loaded | undefined;

/** The addon, or undefined where it does not load; `nativeSupport` says why. Never throws. */
export function native(): NativeAddon | undefined {
  loaded ??= load();
  return 'addon' in loaded ? loaded.addon : undefined;
}

/** Whether the addon loads here, and if not, why not and what to do about it. Never throws. */
export function nativeSupport(): NativeSupport {
  loaded ??= load();
  return 'addon' in loaded ? { supported: true } : loaded;
}

/** The addon, for what cannot do without. @throws ToaError ERR_TOA_NOT_SUPPORTED, with what to do about it */
export function requireNative(): NativeAddon {
  loaded ??= load();
  if ('addon' in loaded) return loaded.addon;
  throw new ToaError('ERR_TOA_NOT_SUPPORTED', loaded.reason, { hint: loaded.hint });
}

function load(): Loaded {
  if (process.platform !== 'linux') {
    return unsupported(`toakit works on Linux, this is ${process.platform}`, 'run the server on Linux');
  }
  if (existsSync(builtAddon)) return open(builtAddon);
  const prebuilt = join(packageRoot, 'prebuilds', `linux-${process.arch}`, 'toakit.node');
  if (!existsSync(prebuilt))
    return unsupported(`there is no prebuilt addon for linux-${process.arch}`, buildHint);
  if (usesMusl()) return unsupported('the prebuilt addon is for glibc, and this Node uses musl', buildHint);
  return open(prebuilt);
}

function open(path: string): Loaded {
  try {
    return { addon: createRequire(import.meta.url)(path) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_DISABLED') {
      return unsupported(
        'this Node process may not load addons',
        'drop --no-addons, or give --allow-addons beside --permission',
      );
    }
    return unsupported(
      `the addon does not load: ${error instanceof Error ? error.message : error}`,
      buildHint,
    );
  }
}

function unsupported(reason: string, hint: string): Loaded {
  return { supported: false, reason, hint };
}

/** A prebuilt addon may load under musl and fail later, so this is looked up before. */
function usesMusl(): boolean {
  try {
    return readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-');
  } catch {
    return false;
  }
}
