import { applyDelta, applyPartialDelta, delta16, fold } from '../../net/checksum.js';
import { IPV4_CHECKSUM, IPV4_ID } from '../../net/ipv4.js';
import { CWR, FIN, PSH, TCP_CHECKSUM, TCP_FLAGS, TCP_SEQUENCE } from '../../net/tcp.js';
import { VNET_HEADER } from '../../net/virtio.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import type { Frame } from '../frame.js';
import { growIpLength } from './rewrite.js';

/** What the length field of an IP header can say. */
export const IP_LENGTH_MAX = 65535;

/** Whether the packet would no longer fit the length field of its IP header with `growth` bytes more. */
export function outgrowsIp(frame: Frame, growth: number): boolean {
  const counted =
    frame.family === 4 ? frame.start + frame.length - frame.l3 : frame.start + frame.length - frame.l3 - 40;
  return counted + growth > IP_LENGTH_MAX;
}

/**
 * Cuts a GSO frame in two between segments, so that both halves have room to grow. The first half is returned in a
 * frame of its own; `frame` keeps the second, its headers moved up to its payload.
 * @returns undefined, with `frame` as it was, where there are not two segments, where the checksum is not left to
 * the device (its value would be the whole frame's), or where no buffer is free
 */
export function splitGso(frame: Frame, emitted: Emitted, counters: Counters): Frame | undefined {
  if (frame.segments < 2 || !frame.partial) return undefined;
  const cut = (frame.segments >> 1) * frame.gsoSize;
  const headers = frame.l4 + frame.l4Length - frame.start;
  const head = emitted.take(headers + cut);
  if (head === undefined) return undefined;
  counters.add(COUNTER['toa-frames-split']);

  head.bytes.set(
    frame.bytes.subarray(frame.start - VNET_HEADER, frame.start + headers + cut),
    head.start - VNET_HEADER,
  );
  head.link = frame.link;
  copyParsed(head, frame);
  resize(head, cut);
  clearFlags(head, FIN | PSH);

  dropFront(frame, cut);
  return head;
}

/**
 * Takes whole segments, `cut` bytes of payload, off the front of a GSO frame whose checksum is partial: its headers
 * move up to the rest, and tell of it alone.
 */
export function dropFront(frame: Frame, cut: number): void {
  const { view } = frame;
  const payload = frame.l4 + frame.l4Length;
  frame.bytes.copyWithin(frame.start - VNET_HEADER + cut, frame.start - VNET_HEADER, payload);
  frame.start += cut;
  frame.l3 += cut;
  frame.l4 += cut;
  frame.sequence = (frame.sequence + cut) | 0;
  const sequenceAt = frame.l4 + TCP_SEQUENCE;
  view.setInt32(sequenceAt, view.getInt32(sequenceAt) + cut);
  const segments = cut / frame.gsoSize;
  frame.length -= cut;
  resize(frame, frame.payload - cut);
  if (frame.family === 4) growId(frame, segments);
  clearFlags(frame, CWR);
}

/** Every segment of a GSO frame has an id of its own, one more than the one before. */
function growId({ view, l3 }: Frame, segments: number): void {
  const before = view.getUint16(l3 + IPV4_ID);
  view.setUint16(l3 + IPV4_ID, before + segments);
  applyDelta(view, l3 + IPV4_CHECKSUM, delta16(before, before + segments));
}

/** Sets the fields of a copy of a frame's headers, which begins at `to.start`, to what `parse` found in the frame. */
export function copyParsed(to: Frame, from: Frame): void {
  const shift = to.start - from.start;
  to.l3 = from.l3 + shift;
  to.l4 = from.l4 + shift;
  to.family = from.family;
  to.protocol = from.protocol;
  to.source0 = from.source0;
  to.source1 = from.source1;
  to.source2 = from.source2;
  to.source3 = from.source3;
  to.destination0 = from.destination0;
  to.destination1 = from.destination1;
  to.destination2 = from.destination2;
  to.destination3 = from.destination3;
  to.ports = from.ports;
  to.tcpFlags = from.tcpFlags;
  to.sequence = from.sequence;
  to.acknowledgment = from.acknowledgment;
  to.l4Length = from.l4Length;
  to.payload = from.payload;
  to.partial = from.partial;
  to.gsoSize = from.gsoSize;
  to.segments = from.segments;
  to.largestFragment = from.largestFragment;
}

/** Sets the lengths of a half whose payload is now `payload` bytes, and the checksums that hold them. */
function resize(frame: Frame, payload: number): void {
  const { view } = frame;
  const before = frame.l4Length + frame.payload;
  const after = frame.l4Length + payload;
  frame.payload = payload;
  frame.segments = Math.ceil(payload / frame.gsoSize);
  frame.length = frame.l4 + after - frame.start;
  frame.ipDelta = 0;
  growIpLength(frame, after - before);
  if (frame.family === 4) applyDelta(view, frame.l3 + IPV4_CHECKSUM, frame.ipDelta);
  applyPartialDelta(view, frame.l4 + TCP_CHECKSUM, fold(delta16(before, after)));
}

/** The flags are in the part of the checksum that the device computes. */
function clearFlags(frame: Frame, flags: number): void {
  frame.tcpFlags &= ~flags;
  frame.view.setUint8(frame.l4 + TCP_FLAGS, frame.tcpFlags);
}
