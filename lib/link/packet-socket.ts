import { constants } from 'node:os';
import { type NativeAddon, type PacketRing, PacketSocketFlag, type Poll } from '../native.js';
import { nativeError } from '../native-error.js';
import { VNET_HEADER } from '../net/virtio.js';
import { Arena, SLOT } from './arena.js';
import type { Link, LinkStatistics } from './link.js';
import { RING_BYTES, ringLayout } from './ring-layout.js';

/** Frames handed over at once, or sent in one system call. */
const BATCH = 64;
/** Slots for copies that wait to be sent. */
const COPIES = 16;
/** The kernel's buffer in each direction, for frames longer than the ring's slots and for what is sent: some hundred of 64 KB. */
const BUFFER_BYTES = 16 << 20;

/** Pages of any size that Linux has. */
const PAGE = 65536;

/** Bytes of the arena that one packet socket takes: whole pages, so that the next one's ring begins at a page too. */
const PACKET_SOCKET_BYTES = Math.ceil((RING_BYTES + (BATCH + COPIES) * SLOT) / PAGE) * PAGE;

/** IFF_UP and IFF_RUNNING (linux/if.h), both in the first byte of the flags. */
const UP_AND_RUNNING = 0x41;

const { EAGAIN, EMSGSIZE, ENETDOWN, ENOBUFS } = constants.errno;

/**
 * A link on a network interface: an AF_PACKET socket with PACKET_VNET_HDR, so that frames come and go with their
 * offloads. They come through a ring that is shared with the kernel, and are rewritten and sent from there.
 */
export class PacketSocketLink implements Link {
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** The interface's name. */
  readonly name: string;
  readonly received = new Int32Array(BATCH * 2);

  readonly #addon: NativeAddon;
  readonly #arena: Arena;
  readonly #ring: PacketRing;
  /** -1 once closed: by then the number may be another's. */
  #fd: number;
  /** Where frames go that are longer than the ring's slots. */
  readonly #spare: Int32Array;
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
    receiveRingStopped: 0,
    sendOverflow: 0,
    sendFailed: 0,
  };

  /** When `tend` looked last. */
  #before = { received: 0, receiveOverflow: 0 };

  /**
   * @param name the interface @param arena of `packetSocketArena`
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
    const room = arena.region(PACKET_SOCKET_BYTES - (BATCH + COPIES) * SLOT);
    const { blockBytes, blocks, slotBytes, reserve } = ringLayout(this.mtu);
    this.#ring = new addon.PacketRing(
      this.#fd,
      arena.bytes,
      room,
      blockBytes,
      blocks,
      slotBytes,
      Arena.capacity,
      reserve,
    );
    this.#spare = Int32Array.from({ length: BATCH }, () => arena.slot());
    this.#copies = Int32Array.from({ length: COPIES }, () => arena.slot());
    this.#openRing();
  }

  receive(): number {
    const { received } = this;
    const filled = this.#ring.receive(this.#spare, received, BATCH);
    let kept = 0;
    for (let i = 0; i < filled; i++) {
      const length = received[2 * i + 1]!;
      if (length < 0) {
        this.#countLost(length);
        continue;
      }
      received[2 * kept] = received[2 * i]!;
      received[2 * kept + 1] = length;
      kept++;
    }
    // Of frames that were all lost nobody hears, to give their slots back.
    if (kept === 0 && filled > 0) this.release();
    this.#counts.received += kept;
    return kept;
  }

  release(): void {
    this.#ring.release();
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
    let before = this.#counts.received;
    this.#poll = new this.#addon.Poll(this.#fd, () => {
      onReadable();
      // Woken, and nothing came since the last time: there is an error to take.
      if (this.#counts.received === before && this.#fd >= 0) this.#takeError();
      before = this.#counts.received;
    });
    check(this.#poll.start(), `poll ${this.name}`);
  }

  isUp(): boolean {
    const described = this.#addon.interfaceDescription(this.name, this.#description);
    const flags = this.#description[4]!;
    return described >= 0 && (flags & UP_AND_RUNNING) === UP_AND_RUNNING;
  }

  /**
   * Makes the ring anew where it has stopped: the kernel fills no slot any more once virtio_net_hdr could not express
   * the offload of a frame (af_packet.c, tpacket_rcv: the slot stays marked as being filled). All that come are dropped then.
   */
  tend(): void {
    const { received, receiveOverflow } = this.statistics();
    const before = this.#before;
    this.#before = { received, receiveOverflow };
    if (received > before.received || receiveOverflow === before.receiveOverflow || !this.#ring.isEmpty())
      return;
    this.#counts.receiveRingStopped++;
    this.#ring.close();
    this.#openRing();
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
    this.#ring.close();
    this.#addon.closeFd(this.#fd);
    this.#fd = -1;
  }

  #takeError(): void {
    const error = this.#ring.pendingError();
    if (error < 0 && error !== -ENETDOWN) throw nativeError(`receive on ${this.name}`, error);
  }

  #openRing(): void {
    check(this.#ring.open(), `share memory for frames of ${this.name} with the kernel`);
  }

  #countLost(error: number): void {
    if (error === -EMSGSIZE) this.#counts.receiveTooLong++;
    else this.#counts.receiveOverflow++;
  }

  #countRefused(queued: number): void {
    for (let i = 0; i < queued; i++) {
      const error = this.#sending[2 * i + 1]!;
      if (error === -EAGAIN || error === -ENOBUFS) this.#counts.sendOverflow++;
      else if (error < 0) this.#counts.sendFailed++;
    }
  }
}

/** An arena for so many packet sockets. */
export function packetSocketArena(addon: NativeAddon, links: number): Arena {
  const pages = addon.allocatePages(links * PACKET_SOCKET_BYTES, false);
  if (typeof pages === 'number') throw nativeError('allocate memory for frames', pages);
  return new Arena(new Uint8Array(pages));
}

function check(result: number, what: string): number {
  if (result < 0) throw nativeError(what, result);
  return result;
}
