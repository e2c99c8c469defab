import { ETHERNET_HEADER } from '../net/ethernet.js';
import { VNET_HEADER } from '../net/virtio.js';
import { ARENA_HEADROOM } from './arena.js';

/** How the kernel lays out a ring of received frames (TPACKET_V2, net/packet/af_packet.c). */
export interface RingLayout {
  /** Slots do not cross blocks, which are whole pages of any size that Linux has. */
  readonly blockBytes: number;
  readonly blocks: number;
  readonly slotBytes: number;
  /** PACKET_RESERVE: bytes that stay free before a frame's virtio_net_hdr, besides those that are free anyway. */
  readonly reserve: number;
}

const BLOCK_BYTES = 256 << 10;
const BLOCKS = 64;

/** Memory that a ring takes, a multiple of every page size. */
export const RING_BYTES = BLOCKS * BLOCK_BYTES;

/**
 * Where the kernel puts the Ethernet header without a reserve: behind its own header (struct tpacket2_hdr and sockaddr_ll, 52 bytes)
 * and 16 bytes for a link layer header, rounded up to 16, so that the packet begins 80 bytes into the slot; and 10 for virtio_net_hdr.
 */
const KERNEL_HEADERS = 52;
const PACKET_OFFSET = 80 + VNET_HEADER;
/** Where the packet is to begin: at a cache line's first byte, as its headers are what is read most. */
const PACKET_START = 192;

const CACHE_LINE = 64;
/** A VLAN tag that was put back. */
const TAG = 4;

/** A ring whose slots hold a frame of the interface's MTU. Longer ones, which are segmentation offload's, go through the socket's queue. */
export function ringLayout(mtu: number): RingLayout {
  const lines = Math.ceil((PACKET_START + TAG + mtu) / CACHE_LINE);
  return {
    blockBytes: BLOCK_BYTES,
    blocks: BLOCKS,
    // An odd number of cache lines, so that slots do not share cache sets.
    slotBytes: (lines | 1) * CACHE_LINE,
    reserve: PACKET_START - PACKET_OFFSET,
  };
}

/** Bytes that may be written before a frame's virtio_net_hdr. */
export const RING_HEADROOM = PACKET_START - ETHERNET_HEADER - VNET_HEADER - KERNEL_HEADERS;
if (RING_HEADROOM < ARENA_HEADROOM) throw new RangeError('the headroom of a ring is too small');
