/** UDP (RFC 768): offsets from the header's first byte. */
export const UDP_HEADER = 8;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;
