/**
 * `struct virtio_net_hdr` (linux/virtio_net.h), which a packet socket with PACKET_VNET_HDR puts before each frame,
 * both ways, in the host's byte order: flags 0, gso_type 1, hdr_len 2, gso_size 4, csum_start 6, csum_offset 8.
 */
export const VNET_HEADER = 10;

export const VNET_FLAGS = 0;
export const VNET_GSO_TYPE = 1;
export const VNET_HEADER_LENGTH = 2;
export const VNET_GSO_SIZE = 4;
export const VNET_CHECKSUM_START = 6;
export const VNET_CHECKSUM_OFFSET = 8;

export const VNET_NEEDS_CHECKSUM = 1;
export const VNET_GSO_NONE = 0;
export const VNET_GSO_TCPV4 = 1;
export const VNET_GSO_TCPV6 = 4;
/** A flag within gso_type: the segments carry ECN's CWR. */
export const VNET_GSO_ECN = 0x80;

/** Every machine that Node runs Linux on with this addon is little-endian (x86-64, arm64). */
export const VNET_LITTLE_ENDIAN = true;

/** Clears the header at `at`: a plain frame with complete checksums. */
export function clearVnetHeader(view: DataView, at: number): void {
  view.setInt32(at, 0);
  view.setInt32(at + 4, 0);
  view.setUint16(at + 8, 0);
}
