/** Neighbor discovery (RFC 4861): offsets from the ICMPv6 header's first byte. */
export const NDP_NEIGHBOR_SOLICITATION = 135;
export const NDP_NEIGHBOR_ADVERTISEMENT = 136;

export const NDP_FLAGS = 4;
export const NDP_TARGET = 8;
export const NDP_OPTIONS = 24;
/** A solicitation or an advertisement with one link-layer address option. */
export const NDP_LENGTH = 32;

export const NDP_OPTION_SOURCE_MAC = 1;
export const NDP_OPTION_TARGET_MAC = 2;

export const NDP_SOLICITED = 0x4000_0000;
export const NDP_OVERRIDE = 0x2000_0000;

/** Finds the link-layer address option of `type` in `[at, end)`; its MAC's offset, or -1. Stops at a zero length. */
export function findMacOption(bytes: Uint8Array, at: number, end: number, type: number): number {
  let option = at;
  while (option + 8 <= end) {
    const length = bytes[option + 1]! * 8;
    if (length === 0 || option + length > end) return -1;
    if (bytes[option] === type) return option + 2;
    option += length;
  }
  return -1;
}
