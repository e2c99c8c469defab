import { completeChecksum, copySumming, fold } from '../../net/checksum.js';
import { PROTOCOL_TCP } from '../../net/ipv4.js';
import { tcpPseudoSum, writeSegment } from '../../net/segment.js';
import { TCP_CHECKSUM, TCP_FLAGS } from '../../net/tcp.js';
import { UDP_CHECKSUM } from '../../net/udp.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import type { Frame } from '../frame.js';
import { copyParsed, dropFront } from './split.js';

/**
 * Where the way out cannot carry a GSO frame: cuts the first segment off, as a frame of its own with complete
 * checksums. To be called until there is no more: what is left in `frame` then is the last segment.
 */
export function takeSegment(frame: Frame, emitted: Emitted, counters: Counters): Frame | undefined {
  while (frame.segments > 1) {
    makePartial(frame);
    const cut = frame.gsoSize;
    const headers = frame.l4 + frame.l4Length - frame.start;
    const segment = emitted.take(headers + cut);
    // A segment lost: what a full queue would do, and as there its sender repeats it.
    if (segment === undefined) counters.add(COUNTER['drop-out-of-buffers']);
    else writeFirst(frame, segment);
    dropFront(frame, cut);
    if (segment !== undefined) {
      counters.add(COUNTER['segments-made']);
      return segment;
    }
  }
  return undefined;
}

/** Completes the checksum of a single packet where it was left to the device, and says so. */
export function completeInSoftware(frame: Frame): void {
  if (frame.partial) {
    const checksum = frame.l4 + (frame.protocol === PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
    completeChecksum(frame.view, frame.l4, frame.start + frame.length, checksum);
  }
  frame.clearOffloads();
}

/** Writes a GSO frame's first segment to a frame of its own. */
function writeFirst(frame: Frame, segment: Frame): void {
  const { start, l3 } = frame;
  copySumming(frame.view, start, segment.view, segment.start, l3 - start);
  segment.length = l3 - start + writeSegment(frame, 0, segment.view, segment.start + l3 - start);
  segment.link = frame.link;
  copyParsed(segment, frame);
  segment.tcpFlags = segment.bytes[segment.l4 + TCP_FLAGS]!;
  segment.payload = frame.gsoSize;
  segment.clearOffloads();
}

/** Puts the pseudo-header's sum in place of the whole checksum that a GSO frame came with. */
function makePartial(frame: Frame): void {
  if (frame.partial) return;
  const { view, l3, l4, family } = frame;
  view.setUint16(l4 + TCP_CHECKSUM, fold(tcpPseudoSum(view, l3, family, frame.l4Length + frame.payload)));
  frame.partial = true;
}
