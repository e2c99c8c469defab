import assert from 'node:assert/strict';
import type { Frame } from '../../lib/balancer/index.js';

const VIRTIO_HEADER = 10;

/** Fails unless two frames, with what stands before them for the device, have the same bytes. */
export function assertSameOutput(one: Frame, other: Frame): void {
  assert.ok(
    contentOf(one).equals(contentOf(other)),
    'bytes outside of the frame made a difference in what was sent',
  );
}

function contentOf({ bytes, start, length }: Frame): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start - VIRTIO_HEADER, VIRTIO_HEADER + length);
}
