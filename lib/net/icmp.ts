/** ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861): types and codes that the balancer reads or writes. */
export const ICMP_HEADER = 8;
export const ICMP_CHECKSUM = 2;
/** What else an error says: an MTU, a pointer. */
export const ICMP_VALUE = 4;
/** The length of the quoted packet where extensions follow it (RFC 4884): in words of 4 bytes, for ICMPv6 of 8. */
export const ICMP_QUOTED_LENGTH = 5;
export const ICMPV6_QUOTED_LENGTH = 4;

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_ECHO_REQUEST = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;
export const ICMP_CODE_HOST = 1;
export const ICMP_CODE_PROTOCOL = 2;
export const ICMP_CODE_PORT = 3;
export const ICMP_CODE_FRAGMENTATION_NEEDED = 4;
/** Of time exceeded, in both families. */
export const ICMP_CODE_REASSEMBLY = 1;
export const ICMP_CODE_HOST_PROHIBITED = 10;

export const ICMPV6_UNREACHABLE = 1;
export const ICMPV6_PACKET_TOO_BIG = 2;
export const ICMPV6_TIME_EXCEEDED = 3;
export const ICMPV6_PARAMETER_PROBLEM = 4;
/** RFC 7112: the first fragment does not hold all headers. */
export const ICMPV6_CODE_INCOMPLETE_HEADERS = 3;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_CODE_NO_ROUTE = 0;
export const ICMPV6_CODE_PROHIBITED = 1;
export const ICMPV6_CODE_PORT = 4;
export const ICMPV6_CODE_HEADER_FIELD = 0;
export const ICMPV6_CODE_NEXT_HEADER = 1;
export const ICMPV6_MLD2_REPORT = 143;

/** RFC 1812 4.3.2.3: an ICMP error quotes as much as fits 576 bytes in all; RFC 4443 2.4 (c): 1280. */
export const ICMP_ERROR_MAX = 576;
export const ICMPV6_ERROR_MAX = 1280;
