/** TCP (RFC 9293): offsets from the header's first byte. */
export const TCP_HEADER = 20;
export const TCP_MAX_OPTIONS = 40;
export const TCP_SEQUENCE = 4;
export const TCP_ACKNOWLEDGMENT = 8;
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_URGENT = 18;
/** The largest window there is (RFC 7323 2.3): what is in flight is not further from what is acknowledged. */
export const TCP_WINDOW_MAX = 1 << 30;

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
/** Both flags of the answer to a SYN. */
export const SYN_ACK = SYN | ACK;
/** Congestion Window Reduced: only the first segment of a GSO frame has it (RFC 3168 6.1.2). */
export const CWR = 128;

export const OPTION_END = 0;
export const OPTION_NOP = 1;
export const OPTION_MSS = 2;
export const OPTION_WINDOW_SCALE = 3;
export const OPTION_SACK_PERMITTED = 4;
export const OPTION_SACK = 5;
export const OPTION_TIMESTAMP = 8;
export const OPTION_MPTCP = 30;
export const OPTION_FAST_OPEN = 34;
/** RFC 6994: kinds 253 and 254 start with an ExID; this one is TCP Fast Open's before it had a kind of its own. */
export const OPTION_EXPERIMENT_1 = 253;
export const OPTION_EXPERIMENT_2 = 254;
export const EXID_FAST_OPEN = 0xf989;

/**
 * The length of the option at `at`, for walking a list that ends at `end`: 1 for NOP, its own length byte otherwise,
 * 0 where the list ends: at END, at a length below 2, at one that passes `end`. Never reads at or behind `end`.
 */
export function optionLength(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return 0;
  const kind = bytes[at]!;
  if (kind === OPTION_NOP) return 1;
  if (kind === OPTION_END || at + 1 >= end) return 0;
  const length = bytes[at + 1]!;
  return length < 2 || at + length > end ? 0 : length;
}
