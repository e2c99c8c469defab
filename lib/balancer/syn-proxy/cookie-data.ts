/**
 * What a cookie tells of its SYN, in 24 bits as Alibaba's LVS lays them out: 21 SACK permitted, 20 timestamps,
 * 19..16 window scale, 15..12 the MSS's place in the family's table. All others are 0, 22 and 23 too.
 */
const SACK = 1 << 21;
const TIMESTAMP = 1 << 20;
const WINDOW_SCALE_SHIFT = 16;
const MSS_SHIFT = 12;
const SPARE = 0xc00fff;

/** RFC 7323 2.3: a larger shift count counts as this one. */
export const MAX_WINDOW_SCALE = 14;

/** Ascending; that of IPv4 is Alibaba's, that of IPv6 has what tunnels leave of 1500 bytes, and of jumbo frames. */
const MSS_V4 = [64, 256, 512, 536, 1024, 1280, 1440, 1452, 1460, 4312] as const;
const MSS_V6 = [64, 256, 536, 1024, 1220, 1280, 1360, 1420, 1440, 8940] as const;

/**
 * @param mss what the client can take; the cookie tells the next lower one in the table, or the table's first
 * @param windowScale 0..14; 0 is the same as none
 */
export function cookieData(
  family: number,
  mss: number,
  windowScale: number,
  sack: boolean,
  timestamp: boolean,
): number {
  const table = family === 4 ? MSS_V4 : MSS_V6;
  let index = table.length - 1;
  while (index > 0 && table[index]! > mss) index--;
  return (
    (sack ? SACK : 0) |
    (timestamp ? TIMESTAMP : 0) |
    (windowScale << WINDOW_SCALE_SHIFT) |
    (index << MSS_SHIFT)
  );
}

/** Whether 24 bits are the data of some SYN. */
export function isSoundData(data: number): boolean {
  return (
    (data & SPARE) === 0 &&
    windowScaleOf(data) <= MAX_WINDOW_SCALE &&
    ((data >>> MSS_SHIFT) & 15) < MSS_V4.length
  );
}

/** The client's MSS, or a little less. */
export function mssOf(data: number, family: number): number {
  return (family === 4 ? MSS_V4 : MSS_V6)[(data >>> MSS_SHIFT) & 15]!;
}

/** The client's window scale; 0 where it has none. */
export function windowScaleOf(data: number): number {
  return (data >>> WINDOW_SCALE_SHIFT) & 15;
}

/** The same data with the window scale that the client was told: in bits 3..0, which are a cookie's no longer. */
export function withToldScale(data: number, scale: number): number {
  return data | scale;
}

/** The window scale that the client was told, if it has one itself. */
export function toldScaleOf(data: number): number {
  return data & 15;
}

/** Whether client and balancer agreed on selective acknowledgments. */
export function hasSack(data: number): boolean {
  return (data & SACK) !== 0;
}

/** The same data after a side has shown that it has no timestamps. */
export function withoutTimestamp(data: number): number {
  return data & ~TIMESTAMP;
}

/** Whether client and balancer agreed on timestamps. */
export function hasTimestamp(data: number): boolean {
  return (data & TIMESTAMP) !== 0;
}
