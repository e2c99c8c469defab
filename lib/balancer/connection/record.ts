/**
 * A connection is `RECORD_WORDS` int32 words in one array, three cache lines, of which a known connection's packets touch
 * two. The names below are the words' positions.
 *
 * Why not one array for each field: a packet of a known connection reads some twenty fields, which would be twenty cache
 * lines where the table outgrows the cache; so it is two.
 *
 * An address is four words in network order, IPv4 as IPv4-mapped. A port pair has the first-named side in the high
 * 16 bits.
 */
export const RECORD_WORDS = 48;

/** client : vip, as they stand in the client's packets. */
export const CLIENT = 0;
export const VIP = 4;
export const CLIENT_PORTS = 8;
/** State in bits 0-7, flags from bit 8, the client's packets so far in bits 24-27, which stop at 15. 0 in a free record. */
export const STATE = 9;
/** Virtual service in the high 16 bits, real server in the low ones (both positions in the balancer's lists). */
export const OWNER = 10;
/** The next hop towards the client, and towards the real server (see neighbors.ts); -1 where no packet of ours goes. */
export const CLIENT_HOP = 11;
export const SERVER_HOP = 12;
/** When it expires, in ticks. */
export const EXPIRES = 13;
/** Added to the client's sequence numbers on their way to the real server. */
export const SEQUENCE_DELTA = 14;
/** The sequence number of the SYN that the real server saw. */
export const INITIAL_SEQUENCE = 15;
/** real server : lip (NAT: client), as they stand in the real server's packets. */
export const SERVER = 16;
export const LOCAL = 20;
export const SERVER_PORTS = 24;
/** Checksum deltas of the client's packets: addresses in the high 16 bits, ports in the low ones. */
export const CHECKSUM_DELTAS = 25;
/** The sequence number of the real server's first byte: while the client acknowledges just this, TOA is due. */
export const FIRST_DATA_SEQUENCE = 26;
/** How far the real server has sent, in the client's numbers, and what it acknowledged last: where an RST has to stand. */
export const SERVER_END = 27;
export const SERVER_ACKNOWLEDGED = 28;
/** The timer wheel's list: next, previous (or its bucket), and the tick the wheel looks at it. `NEXT` links free records too. */
export const NEXT = 29;
export const PREVIOUS = 30;
export const ARMED = 31;

/** The template that chose its real server, as its number + 1, or 0. */
export const TEMPLATE = 32;
/** In a template: the connections that it holds. */
export const HELD = 33;
/**
 * In a TCP connection: what acknowledges the client's last SYN of another number than the connection's, or that made it
 * this one's (FULLNAT), in the client's numbers; while none came, its initial sequence number.
 */
export const CLIENT_SYN_END = 33;

/** With a PROXY header: the window that it was sent with, under a number of its own; and the client's acknowledgment. */
export const HEADER_WINDOW = 34;
export const HEADER_ACKNOWLEDGMENT = 35;

/** Behind a SYN proxy: the initial sequence number that the client was told, which is its cookie. */
export const COOKIE = 36;
/** Added to the real server's sequence numbers on their way to the client; 0 where it tells them itself. */
export const SERVER_SEQUENCE_DELTA = 37;
/** What the cookie tells, and was told with it (syn-proxy/cookie-data.ts), in bits 0-23; how often our SYN was sent again in bits 24-31. */
export const HANDSHAKE = 38;
/** The powers of two between the windows that were negotiated: towards the client in the low 16 bits, towards the real server above. */
export const WINDOW_SHIFTS = 39;
/** The client's timestamp for our SYN. */
export const CLIENT_TIMESTAMP = 40;
/** The timestamp that the client was told; later what is added to the real server's on their way to the client. */
export const TIMESTAMP_DELTA = 41;
/** The longest TCP segment, header and options included, that the client may send; 0 while that is not known. */
export const SEGMENT_MAX = 42;
/** The first of its segments that wait for the real server, as its slot + 1 (syn-proxy/kept-segments.ts), or 0. */
export const KEPT = 43;
/** The real server's last bare ACK: numbers; window above the times that it came again; when, in ticks. */
export const STORM_SEQUENCE = 44;
export const STORM_ACKNOWLEDGMENT = 45;
export const STORM_REPEATS = 46;
export const STORM_TICK = 47;

export const STATE_MASK = 0xff;
/** FIRST_DATA_SEQUENCE is known: the SYN-ACK was seen. */
export const FLAG_SYN_ACK_SEEN = 0x100;
/** SERVER_END and SERVER_ACKNOWLEDGED are known. */
export const FLAG_SERVER_SEEN = 0x200;
/** UDP, else TCP. */
export const FLAG_UDP = 0x400;
/** The real server answers past the balancer (DR, TUN): only the client's side is in the index (NOOUTPUT). */
export const FLAG_ONE_WAY = 0x800;
/** No connection but what persistence remembers: CLIENT is masked, without a port. */
export const FLAG_TEMPLATE = 0x1000;
/** The service has a PROXY header go ahead of the client's first byte, which is still to be sent; */
export const FLAG_HEADER_DUE = 0x2000;
/** it was sent, and SEQUENCE_DELTA has its length in it; */
export const FLAG_HEADER_SENT = 0x4000;
/** the real server has not acknowledged it. */
export const FLAG_HEADER_PENDING = 0x8000;
/** A real server may still tell of it in selective acknowledgments. */
export const FLAG_HEADER_NEAR = 0x20000;
/** A connection, no template: no word of one is 0, whatever its state. */
export const FLAG_CONNECTION = 0x10000;
/** Its client shook hands with us (SYN proxy): the words from COOKIE on are its; */
export const FLAG_SYN_PROXY = 0x40000;
/** the real server has not answered our SYN. */
export const FLAG_SYN_PENDING = 0x80000;

export const PACKETS_SHIFT = 24;
export const PACKETS_MAX = 15;

/** Exchanges source and destination port. */
export function swapPorts(ports: number): number {
  return (ports << 16) | (ports >>> 16);
}
