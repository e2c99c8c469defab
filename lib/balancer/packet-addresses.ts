import { IPV4_DESTINATION, IPV4_SOURCE } from '../net/ipv4.js';
import { IPV6_DESTINATION, IPV6_SOURCE } from '../net/ipv6.js';
import { MAPPED_WORD } from './address-words.js';
import type { Frame } from './frame.js';

/** Reads source and destination from the IPv4 header at `l3` into the frame's words. */
export function readIpv4Addresses(frame: Frame): void {
  const { view, l3 } = frame;
  frame.source0 = 0;
  frame.source1 = 0;
  frame.source2 = MAPPED_WORD;
  frame.source3 = view.getInt32(l3 + IPV4_SOURCE);
  frame.destination0 = 0;
  frame.destination1 = 0;
  frame.destination2 = MAPPED_WORD;
  frame.destination3 = view.getInt32(l3 + IPV4_DESTINATION);
}

/** The same from the IPv6 header. */
export function readIpv6Addresses(frame: Frame): void {
  const { view, l3 } = frame;
  frame.source0 = view.getInt32(l3 + IPV6_SOURCE);
  frame.source1 = view.getInt32(l3 + IPV6_SOURCE + 4);
  frame.source2 = view.getInt32(l3 + IPV6_SOURCE + 8);
  frame.source3 = view.getInt32(l3 + IPV6_SOURCE + 12);
  frame.destination0 = view.getInt32(l3 + IPV6_DESTINATION);
  frame.destination1 = view.getInt32(l3 + IPV6_DESTINATION + 4);
  frame.destination2 = view.getInt32(l3 + IPV6_DESTINATION + 8);
  frame.destination3 = view.getInt32(l3 + IPV6_DESTINATION + 12);
}

/** Copies a frame's source and destination to the first eight words of an array. */
export function copyAddresses(frame: Frame, words: Int32Array): void {
  words[0] = frame.source0;
  words[1] = frame.source1;
  words[2] = frame.source2;
  words[3] = frame.source3;
  words[4] = frame.destination0;
  words[5] = frame.destination1;
  words[6] = frame.destination2;
  words[7] = frame.destination3;
}
