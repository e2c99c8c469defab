/** The virtio_net_hdr of PACKET_VNET_HDR: ten bytes, multi-byte fields in the host's (little-endian) order. */
import { readU16 } from './wire.js';

export const VIRTIO = {
  needsChecksum: 1,
  dataValid: 2,
  gsoNone: 0,
  gsoTcp4: 1,
  gsoUdp: 3,
  gsoTcp6: 4,
} as const;

/** Fields to set; those left out are derived from the frame where a frame is given, else zero. */
export interface VirtioFields {
  readonly flags?: number;
  readonly gsoType?: number;
  readonly headerLength?: number;
  readonly gsoSize?: number;
  readonly checksumStart?: number;
  readonly checksumOffset?: number;
}

/** The ten bytes of a header. */
export function encodeVirtio(fields: VirtioFields): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  bytes[0] = fields.flags ?? 0;
  bytes[1] = fields.gsoType ?? VIRTIO.gsoNone;
  view.setUint16(2, fields.headerLength ?? 0, true);
  view.setUint16(4, fields.gsoSize ?? 0, true);
  view.setUint16(6, fields.checksumStart ?? 0, true);
  view.setUint16(8, fields.checksumOffset ?? 0, true);
  return bytes;
}

/** The header that a kernel puts before a TCP frame whose checksum (and segmentation) it left to the receiver. */
export function offloadHeader(fields: VirtioFields, frame: Uint8Array, tcpAt: number): Uint8Array {
  const segmented = fields.gsoSize !== undefined;
  const gsoType = readU16(frame, 12) === 0x0800 ? VIRTIO.gsoTcp4 : VIRTIO.gsoTcp6;
  return encodeVirtio({
    flags: VIRTIO.needsChecksum,
    checksumStart: tcpAt,
    checksumOffset: 16,
    ...(segmented && { gsoType, headerLength: tcpAt + (frame[tcpAt + 12]! >> 4) * 4 }),
    ...fields,
  });
}

/** Reads a header. */
export function decodeVirtio(bytes: Uint8Array): Required<VirtioFields> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 10);
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    headerLength: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    checksumStart: view.getUint16(6, true),
    checksumOffset: view.getUint16(8, true),
  };
}
