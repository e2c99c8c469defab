/** What NAT, FULLNAT and NAT64 make of a packet. */
import { tcpOption } from '../support/tcp-segment.js';
import { concat, hostPort, onesSum, readU16, readU32, u16, u32 } from '../support/wire.js';
import { blanked, ipHeaderOf, type PlainPacket, sizeOf } from './balancer-packets.js';
import { type Connection, isBefore } from './parties.js';
import { pruned } from './pruning.js';
import { rescaled } from './syn-proxy.js';

const TOA_KIND = 254;
/** Of a TCP header. */
const OPTION_SPACE = 40;
/** Of every link. */
export const MTU = 1500;
/** The least MTU of IPv6: what is no larger may be cut on its way over IPv4 (RFC 7915 5.1). */
export const IPV6_MTU = 1280;

export type Count = (name: string, amount?: number) => void;

export function toServer(connection: Connection, received: PlainPacket, count: Count): PlainPacket {
  const { local, server, serverPort, delta, header } = connection;
  const plain = withoutEarlyData(connection, received, count);
  const behind = plain.flags.includes('S') ? 0 : (header?.bytes.length ?? 0);
  const cuttable = plain.from.includes(':') && !local.address.includes(':') && mayBeCut(plain);
  const seq = (plain.seq + delta + behind) >>> 0;
  return {
    ...inServersTerms(connection, plain),
    ttl: plain.ttl - 1,
    from: local.address,
    fromPort: local.port,
    to: server.address,
    toPort: serverPort,
    seq,
    options: optionsToServer(connection, plain, count),
    ...(cuttable && { dontFragment: false, id: idOf(local.port, serverPort, seq) }),
  };
}

/** The IPv4 id of a packet that had none: what few that are on their way at the same time have in common. */
function idOf(from: number, to: number, seq: number): number {
  return onesSum(concat(u16(from), u16(to), u32(seq)));
}

/** What the client acknowledges and offers, where it was told other numbers and another scale than the real server's. */
export function inServersTerms({ handshake }: Connection, plain: PlainPacket): PlainPacket {
  if (handshake === undefined || plain.flags.includes('S')) return plain;
  const ack = plain.flags.includes('A') ? (plain.ack - handshake.shift) >>> 0 : plain.ack;
  return { ...plain, ack, window: rescaled(plain.window, handshake.toServer) };
}

/** The same the other way round. */
function inClientsTerms({ handshake }: Connection, plain: PlainPacket): PlainPacket {
  if (handshake === undefined) return plain;
  const window = plain.flags.includes('S') ? plain.window : rescaled(plain.window, handshake.toClient);
  return { ...plain, seq: (plain.seq + handshake.shift) >>> 0, window };
}

/** Data with the SYN, or before the first number, would come ahead of the PROXY header; or leave no room for TOA. */
function withoutEarlyData(connection: Connection, plain: PlainPacket, count: Count): PlainPacket {
  const { flags, payload, seq } = plain;
  const { header, clientIsn } = connection;
  if (payload.length === 0) return plain;
  if (!flags.includes('S')) {
    if (header === undefined || !isBefore(seq, (clientIsn + 1) >>> 0)) return plain;
    count('proxy-header-overlap-removed');
    return { ...plain, payload: new Uint8Array(), gsoSize: undefined };
  }
  if (connection.service.config.clientAddress === 'proxy-v2') count('proxy-header-syn-data-removed');
  else if (isToaDue(connection, plain)) count('toa-syn-data-removed');
  else return plain;
  return { ...plain, payload: new Uint8Array(), gsoSize: undefined };
}

function mayBeCut(plain: PlainPacket): boolean {
  return sizeOf(plain).largest <= IPV6_MTU;
}

function optionsToServer(connection: Connection, plain: PlainPacket, count: Count): Uint8Array {
  if (plain.protocol === 'udp') return plain.options;
  const { flags } = plain;
  const { service, client, server } = connection;
  const fullnat = service.config.mode === 'fullnat';
  const honest = blanked(plain.options, (kind) => kind === TOA_KIND);
  if (honest.count > 0) count('toa-stripped', honest.count);
  const timeless = blanked(honest.options, (kind) => fullnat && flags.includes('S') && kind === 8);
  if (timeless.count > 0) count('option-timestamp-removed');
  if (!isToaDue(connection, plain)) return timeless.options;
  const option = toaOf(connection);
  const growth = ipHeaderOf(server.address) - ipHeaderOf(client.address) + option.length;
  const free = MTU - sizeOf(plain).largest - growth;
  const spare = Math.min(free, OPTION_SPACE - plain.options.length - option.length);
  if (spare >= 0) {
    count('toa-added');
    return concat(option, timeless.options);
  }
  const kept = pruned(timeless.options, timeless.options.length + spare, flags.includes('S'));
  const refusal = free < 0 ? 'toa-refused-mtu' : 'toa-refused-header-full';
  count(kept === undefined ? refusal : 'toa-added');
  if (kept === undefined) return timeless.options;
  count('toa-pruned');
  return concat(option, kept);
}

export function toaOf({ client }: Connection): Uint8Array {
  return tcpOption.toa(hostPort(client.address, client.port), TOA_KIND);
}

function isToaDue({ service, firstByte }: Connection, { flags, ack }: PlainPacket): boolean {
  const on = service.config.toa?.on ?? [];
  if (flags.includes('R')) return false;
  if (flags.includes('S')) return on.includes('syn');
  return on.includes('ack') && flags.includes('A') && ack === firstByte;
}

export function toClient(connection: Connection, received: PlainPacket, count: Count): PlainPacket {
  const { vip, client } = connection;
  const plain = inClientsTerms(connection, received);
  const { flags } = plain;
  if (flags.includes('A') && !flags.includes('R')) noteProgress(connection, plain);
  if (flags.includes('A')) noteHeader(connection, plain);
  if (flags.includes('A') && flags.includes('S')) connection.firstByte = (plain.seq + 1) >>> 0;
  return {
    ...plain,
    ttl: plain.ttl - 1,
    from: vip.address,
    fromPort: vip.port,
    to: client.address,
    toPort: client.port,
    id: client.address.includes(':') ? 0 : plain.id,
    ack: flags.includes('A') ? acknowledged(connection, plain.ack) : plain.ack,
    options: optionsToClient(connection, plain, count),
  };
}

/**
 * What a real server acknowledges: while it has not all of a PROXY header, it must seem to have it, as the client knows
 * of nothing but its SYN that could be acknowledged then.
 */
function beyondHeader({ header, delta, clientIsn }: Connection, number: number): number {
  if (header === undefined) return number;
  const isn = (clientIsn + delta) >>> 0;
  const { length } = header.bytes;
  return (number - isn) >>> 0 <= length ? (isn + 1 + length) >>> 0 : number;
}

/** The same in the client's numbers. */
function acknowledged(connection: Connection, number: number): number {
  const shift = connection.delta + (connection.header?.bytes.length ?? 0);
  return (beyondHeader(connection, number) - shift) >>> 0;
}

function noteHeader(connection: Connection, { ack }: PlainPacket): void {
  const { header } = connection;
  if (header !== undefined && beyondHeader(connection, ack) === ack) header.acknowledged = true;
}

/** How far a real server's segment says that it is: beyond what it said before, unless that was acknowledged later. */
function noteProgress(connection: Connection, { flags, seq, ack: number, payload }: PlainPacket): void {
  const ack = beyondHeader(connection, number);
  const end = (seq + payload.length + Number(flags.includes('S')) + Number(flags.includes('F'))) >>> 0;
  const { progress } = connection;
  if (progress === undefined) connection.progress = { end, acknowledged: ack };
  else if (!isBefore(ack, progress.acknowledged)) {
    progress.acknowledged = ack;
    if (isBefore(progress.end, end)) progress.end = end;
  }
}

function optionsToClient(connection: Connection, { flags, options }: PlainPacket, count: Count): Uint8Array {
  if (!flags.includes('S')) return options[2] === 5 ? shiftedSack(connection, options) : options;
  const { service, server } = connection;
  if (!flags.includes('A') || service.config.mode !== 'fullnat' || options[0] !== 2) return options;
  const announced = readU16(options, 2);
  const onItsWay = Math.min(announced, MTU - ipHeaderOf(server.address) - 20);
  const toa = service.config.toa?.on.includes('ack') ? toaOf(connection).length : 0;
  if (onItsWay - toa < announced) count('mss-lowered');
  return concat(tcpOption.mss(onItsWay - toa), options.slice(4));
}

function shiftedSack(connection: Connection, options: Uint8Array): Uint8Array {
  const edges = Array.from({ length: (options[3]! - 2) / 4 }, (_, i) =>
    acknowledged(connection, readU32(options, 4 + 4 * i)),
  );
  return concat(options.slice(0, 4), ...edges.map(u32), options.slice(4 + 4 * edges.length));
}
