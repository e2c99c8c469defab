import {
  OPTION_MSS,
  OPTION_TIMESTAMP,
  OPTION_WINDOW_SCALE,
  optionLength,
  TCP_HEADER,
} from '../../net/tcp.js';
import { isIpv4At } from '../address-words.js';
import { CLIENT, HANDSHAKE, SEGMENT_MAX, TIMESTAMP_DELTA, WINDOW_SHIFTS } from '../connection/record.js';
import { COUNTER, type Counters } from '../counters.js';
import { toaRoom } from '../forwarding/toa.js';
import type { Frame } from '../frame.js';
import type { VirtualService } from '../service/virtual-service.js';
import {
  hasTimestamp,
  MAX_WINDOW_SCALE,
  mssOf,
  toldScaleOf,
  windowScaleOf,
  withoutTimestamp,
} from './cookie-data.js';

/** Of a real server that announces none (RFC 9293 3.7.1). */
const DEFAULT_MSS = { 4: 536, 6: 1220 } as const;

/** Notes where what a real server agrees to in its SYN-ACK differs from what the client was told before. */
export function agree(
  { bytes, view, l4, l4Length, family }: Frame,
  words: Int32Array,
  base: number,
  { toa }: VirtualService,
  counters: Counters,
): void {
  let mss: number = DEFAULT_MSS[family as 4 | 6];
  let scale = -1;
  let timestamp = -1;
  const end = l4 + l4Length;
  let at = l4 + TCP_HEADER;
  for (let step = optionLength(bytes, at, end); step !== 0; step = optionLength(bytes, at, end)) {
    const kind = bytes[at]!;
    if (kind === OPTION_MSS && step === 4) mss = view.getUint16(at + 2);
    else if (kind === OPTION_WINDOW_SCALE && step === 3) scale = Math.min(bytes[at + 2]!, MAX_WINDOW_SCALE);
    else if (kind === OPTION_TIMESTAMP && step === 10) timestamp = at;
    at += step;
  }
  const data = words[base + HANDSHAKE]!;
  words[base + WINDOW_SHIFTS] = windowShifts(data, scale);
  if (hasTimestamp(data)) {
    if (timestamp === -1) words[base + HANDSHAKE] = withoutTimestamp(data);
    else words[base + TIMESTAMP_DELTA]! -= view.getInt32(timestamp + 2);
  }
  const room = toa.shared && toa.onAck ? toaRoom(toa.format) : 0;
  const most = Math.max(mss - room, 1);
  words[base + SEGMENT_MAX] = TCP_HEADER + most;
  if (most < mssOf(data, isIpv4At(words, base + CLIENT) ? 4 : 6)) {
    counters.add(COUNTER['syn-proxy-mss-smaller']);
  }
}

/**
 * Each side's windows are read with the scale that it was told; where the real server has none, unscaled.
 * @param scale the real server's, or -1
 */
function windowShifts(data: number, scale: number): number {
  const clientScale = windowScaleOf(data);
  if (clientScale === 0) return 0;
  const toClient = Math.max(scale, 0) - toldScaleOf(data);
  const toServer = scale === -1 ? clientScale : 0;
  return (toServer << 16) | (toClient & 0xffff);
}
