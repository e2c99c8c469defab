import { packet } from '../../support/packet-builder.js';
import { INSIDE, MACS, OUTSIDE } from '../../support/topology.js';
import { address, concat, internetChecksum, PROTOCOL, pseudoHeader, u16, u32 } from '../../support/wire.js';
import { type Segment, type ServiceUnderTest, serverAddress, topologyOf } from './balancing.js';

const ETHERNET = 14;
const FLAGS = 'FSRPA';

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
  /** Offsets of the addresses and of the TCP header. */
  readonly #addresses: number;
  readonly #tcp: number;

  constructor(service: ServiceUnderTest) {
    this.#service = service;
    const { vip } = topologyOf(service.family);
    const frameFrom = (mac: string, link: number) =>
      packet()
        .ethernet({ from: mac, to: MACS.balancer[link]! })
        .ip({ from: vip, to: vip })
        .tcp({ from: 0, to: 0, flags: '' })
        .bytes();
    this.#frames = [frameFrom(MACS.gateway, OUTSIDE), frameFrom(MACS.server(0), INSIDE)];
    this.#addresses = ETHERNET + (service.family === 4 ? 12 : 8);
    this.#tcp = ETHERNET + (service.family === 4 ? 20 : 40);
  }

  /** The frame that carries a segment; it is the same buffer each time. */
  write({ fromServer, flags, client, clientPort, destination, server }: Segment): Uint8Array {
    const { family, port } = this.#service;
    const frame = this.#frames[fromServer ? 1 : 0];
    const from = address(fromServer ? serverAddress(family, server) : client);
    const to = address(fromServer ? client : destination);
    const ports = fromServer ? [topologyOf(family).serverPort, clientPort] : [clientPort, port];
    frame.set(concat(from, to), this.#addresses);
    if (family === 4) sum(frame, ETHERNET, this.#tcp, ETHERNET + 10);
    const isFirst = flags.startsWith('S');
    const sequence = (fromServer ? 5000 : 1000) + (isFirst ? 0 : 1);
    const acknowledgment = flags === 'S' ? 0 : fromServer ? 1001 : 5001;
    frame.set(concat(...ports.map(u16), u32(sequence), u32(acknowledgment)), this.#tcp);
    frame[this.#tcp + 13] = [...flags].reduce((bits, letter) => bits | (1 << FLAGS.indexOf(letter)), 0);
    const length = frame.length - this.#tcp;
    sum(frame, this.#tcp, frame.length, this.#tcp + 16, pseudoHeader(from, to, PROTOCOL.tcp, length));
    return frame;
  }
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
