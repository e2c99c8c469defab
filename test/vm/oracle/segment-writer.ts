import { packet } from '../../support/packet-builder.js';
import { INSIDE, MACS, OUTSIDE } from '../../support/topology.js';
import { address, concat, internetChecksum, PROTOCOL, pseudoHeader, u16, u32 } from '../../support/wire.js';
import { type Segment, type ServiceUnderTest, serverAddress, serverPortOf, topologyOf } from './balancing.js';

const ETHERNET = 14;
const FLAGS = 'FSRPA';
/** Where in the transport header the checksum stands. */
const CHECKSUM = { tcp: 16, udp: 6 } as const;

/** The link that a segment comes from. */
export function linkOf({ fromServer }: Segment): number {
  return fromServer ? INSIDE : OUTSIDE;
}

/**
 * Writes the frames of segments into one built frame per direction: the guest is slow, and everything but addresses,
 * ports, numbers and checksums is the same in all of them.
 */
export class SegmentWriter {
  readonly #service: ServiceUnderTest;
  readonly #frames: readonly [fromClient: Uint8Array, fromServer: Uint8Array];
  /** Offsets of the addresses and of the transport header. */
  readonly #addresses: number;
  readonly #transport: number;

  constructor(service: ServiceUnderTest) {
    this.#service = service;
    const { vip } = topologyOf(service.family);
    const frameFrom = (mac: string, link: number) => {
      const below = packet().ethernet({ from: mac, to: MACS.balancer[link]! }).ip({ from: vip, to: vip });
      const ports = { from: 0, to: 0 };
      return service.protocol === 'tcp'
        ? below.tcp({ ...ports, flags: '' }).bytes()
        : below.udp(ports).payload('a datagram').bytes();
    };
    this.#frames = [frameFrom(MACS.gateway, OUTSIDE), frameFrom(MACS.server(0), INSIDE)];
    this.#addresses = ETHERNET + (service.family === 4 ? 12 : 8);
    this.#transport = ETHERNET + (service.family === 4 ? 20 : 40);
  }

  /** The frame that carries a segment; it is the same buffer each time. */
  write({ fromServer, flags, client, clientPort, before, destination, server }: Segment): Uint8Array {
    const { protocol, family, port } = this.#service;
    const frame = this.#frames[fromServer ? 1 : 0];
    const from = address(fromServer ? serverAddress(family, server) : client);
    const to = address(fromServer ? client : destination);
    const ports = fromServer ? [serverPortOf(this.#service), clientPort] : [clientPort, port];
    frame.set(concat(from, to), this.#addresses);
    const at = this.#transport;
    if (family === 4) sum(frame, ETHERNET, at, ETHERNET + 10);
    frame.set(concat(...ports.map(u16)), at);
    if (protocol === 'tcp') writeNumbers(frame.subarray(at), { fromServer, flags, before });
    const covered = pseudoHeader(from, to, PROTOCOL[protocol], frame.length - at);
    sum(frame, at, frame.length, at + CHECKSUM[protocol], covered);
    // A sum of 0 would say that there is none.
    if (protocol === 'udp' && frame[at + 6] === 0 && frame[at + 7] === 0) frame.set([0xff, 0xff], at + 6);
    return frame;
  }
}

function writeNumbers(
  tcp: Uint8Array,
  { fromServer, flags, before }: Pick<Segment, 'fromServer' | 'flags' | 'before'>,
): void {
  const [ours, theirs] = fromServer ? [5000, 1000] : [1000, 5000];
  const sequence = 100_000 * before + ours + (flags.startsWith('S') ? 0 : 1);
  const acknowledgment = flags === 'S' ? 0 : 100_000 * before + theirs + 1;
  tcp.set(concat(u32(sequence), u32(acknowledgment)), 4);
  tcp[13] = [...flags].reduce((bits, letter) => bits | (1 << FLAGS.indexOf(letter)), 0);
}

/** Writes the checksum of some of the frame's bytes, and of others before them, at `at`. */
function sum(
  frame: Uint8Array,
  start: number,
  end: number,
  at: number,
  before: Uint8Array = new Uint8Array(),
): void {
  frame.set([0, 0], at);
  frame.set(u16(internetChecksum(concat(before, frame.subarray(start, end)))), at);
}
