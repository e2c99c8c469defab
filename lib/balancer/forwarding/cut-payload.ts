import { applyDelta, applyPartialDelta, delta16, finish, fold, sumWords } from '../../net/checksum.js';
import { IPV4_CHECKSUM } from '../../net/ipv4.js';
import { TCP_CHECKSUM } from '../../net/tcp.js';
import type { Frame } from '../frame.js';
import { growIpLength } from './rewrite.js';
import { completeInSoftware } from './segments.js';

/** Leaves of a TCP segment its headers alone. A checksum that was wrong stays so. */
export function cutPayload(frame: Frame): void {
  const { view, l3, l4, l4Length, payload } = frame;
  const lengths = delta16(l4Length + payload, l4Length);
  const checksum = l4 + TCP_CHECKSUM;
  if (frame.partial) applyPartialDelta(view, checksum, fold(lengths));
  else applyDelta(view, checksum, lengths + finish(sumWords(view, l4 + l4Length, payload)));
  frame.payload = 0;
  frame.length -= payload;
  frame.ipDelta = 0;
  growIpLength(frame, -payload);
  if (frame.family === 4) applyDelta(view, l3 + IPV4_CHECKSUM, frame.ipDelta);
  completeInSoftware(frame);
}
