import { constants } from 'node:os';
import { type NativeAddon, PacketSocketFlag, type Poll } from '../native.js';
import { nativeError } from '../native-error.js';
import { VNET_HEADER } from '../net/virtio.js';
import { Arena } from './arena.js';
import type { Link, LinkStatistics } from './link.js';

/** Frames received or sent in one system call. */
const BATCH = 64;
/** Slots for copies that wait to be sent. */
const COPIES = 16;
/** The kernel's buffer in each direction: at 64 KB frames some hundred, at small ones tens of thousands. */
const BUFFER_BYTES = 16 << 20;

/** Arena slots that one packet socket takes. */
export const PACKET_SOCKET_SLOTS = BATCH + COPIES;

/** IFF_UP and IFF_RUNNING (linux/if.h), both in the first byte of the flags. */
const UP_AND_RUNNING = 0x41;

const { EAGAIN, EINVAL, EMSGSIZE, ENETDOWN, ENOBUFS } = constants.errno;

/**
 * A link on a network interface: an AF_PACKET socket with PACKET_VNET_HDR, so that frames come and go with their
 * offloads, 64 in one system call.
 */
export class PacketSocketLink implements Link {
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** The interface's name. */
  readonly name: string;
  readonly received = new Int32Array(BATCH * 2);

  readonly #addon: NativeAddon;
  readonly #arena: Arena;
  /** -1 once closed: by then the number may be another's. */
  #fd: number;
  /** What the addon reads and writes: where each frame goes, virtio_net_hdr first, and how long it came out. */
  readonly #receiving: Int32Array;
  readonly #copies: Int32Array;
  #copied = 0;
  readonly #sending = new Int32Array(BATCH * 2);
  #queued = 0;
  #poll: Poll | undefined;
  /** MTU, flags and MAC address, as the addon last told them. */
  readonly #description = new Uint8Array(16);
  readonly #kernelStatistics = new Uint32Array(2);
  #counts = {
    received: 0,
    sent: 0,
    receiveOverflow: 0,
    receiveTooLong: 0,
    receiveUnknownOffload: 0,
    sendOverflow: 0,
    sendFailed: 0,
  };

  /**
   * @param name the interface @param arena with `PACKET_SOCKET_SLOTS` slots left
   * @throws ToaError ERR_TOA_NO_INTERFACE, ERR_TOA_PERMISSION without CAP_NET_RAW
   */
  constructor(addon: NativeAddon, name: string, arena: Arena) {
    const index = check(addon.interfaceIndex(name), `find interface ${name}`);
    const description = this.#description;
    check(addon.interfaceDescription(name, description), `describe interface ${name}`);
    const view = new DataView(description.buffer);
    this.#addon = addon;
    this.#arena = arena;
    this.name = name;
    this.mtu = view.getUint32(0, true);
    this.mac = description.slice(8, 14);
    const flags =
      PacketSocketFlag.virtioHeader | PacketSocketFlag.ignoreOutgoing | PacketSocketFlag.allMulticast;
    this.#fd = check(addon.packetSocketOpen(index, flags, BUFFER_BYTES), `open a packet socket on ${name}`);
    this.#receiving = Int32Array.from({ length: BATCH * 2 }, (_, i) =>
      i % 2 === 0 ? arena.slot() - VNET_HEADER : 0,
    );
    this.#copies = Int32Array.from({ length: COPIES }, () => arena.slot());
  }

  receive(): number {
    const { received } = this;
    const receiving = this.#receiving;
    const filled = this.#addon.packetSocketReceive(
      this.#fd,
      this.#arena.bytes,
      receiving,
      BATCH,
      Arena.capacity,
    );
    if (filled < 0) {
      if (filled === -ENETDOWN) return 0;
      throw nativeError(`receive on ${this.name}`, filled);
    }
    let kept = 0;
    for (let i = 0; i < filled; i++) {
      const length = receiving[2 * i + 1]!;
      if (length < VNET_HEADER) {
        this.#countLost(length);
        continue;
      }
      received[2 * kept] = receiving[2 * i]! + VNET_HEADER;
      received[2 * kept + 1] = length - VNET_HEADER;
      kept++;
    }
    this.#counts.received += kept;
    return kept;
  }

  queue(offset: number, length: number): void {
    const at = this.#queued * 2;
    this.#sending[at] = offset - VNET_HEADER;
    this.#sending[at + 1] = length + VNET_HEADER;
    this.#queued++;
    if (this.#queued === BATCH) this.flush();
  }

  queueCopy(bytes: Uint8Array, start: number, length: number): void {
    if (this.#copied === COPIES) this.flush();
    const offset = this.#copies[this.#copied++]!;
    this.#arena.bytes.set(bytes.subarray(start - VNET_HEADER, start + length), offset - VNET_HEADER);
    this.queue(offset, length);
  }

  flush(): void {
    const queued = this.#queued;
    this.#queued = 0;
    this.#copied = 0;
    if (queued === 0) return;
    const sent = this.#addon.packetSocketSend(this.#fd, this.#arena.bytes, this.#sending, queued);
    if (sent > 0) this.#counts.sent += sent;
    if (sent !== queued) this.#countRefused(queued);
  }

  start(onReadable: () => void): void {
    this.#poll = new this.#addon.Poll(this.#fd, onReadable);
    check(this.#poll.start(), `poll ${this.name}`);
  }

  isUp(): boolean {
    const described = this.#addon.interfaceDescription(this.name, this.#description);
    const flags = this.#description[4]!;
    return described >= 0 && (flags & UP_AND_RUNNING) === UP_AND_RUNNING;
  }

  statistics(): LinkStatistics {
    if (this.#addon.packetSocketStatistics(this.#fd, this.#kernelStatistics) >= 0) {
      this.#counts.receiveOverflow += this.#kernelStatistics[1]!;
    }
    return { ...this.#counts };
  }

  close(): void {
    this.#poll?.close();
    this.#poll = undefined;
    if (this.#fd < 0) return;
    this.statistics(); // the kernel's count goes with the socket
    this.#addon.closeFd(this.#fd);
    this.#fd = -1;
  }

  #countLost(error: number): void {
    if (error === -EMSGSIZE) this.#counts.receiveTooLong++;
    else if (error === -EINVAL) this.#counts.receiveUnknownOffload++;
  }

  #countRefused(queued: number): void {
    for (let i = 0; i < queued; i++) {
      const error = this.#sending[2 * i + 1]!;
      if (error === -EAGAIN || error === -ENOBUFS) this.#counts.sendOverflow++;
      else if (error < 0) this.#counts.sendFailed++;
    }
  }
}

function check(result: number, what: string): number {
  if (result < 0) throw nativeError(what, result);
  return result;
}
