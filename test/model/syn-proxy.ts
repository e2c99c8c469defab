/**
 * What the balancer does where it shakes hands with clients before real servers do; timestamps, which are off by
 * default, left out.
 */
import type { SynProxyConfig } from '../../lib/balancer/config/model.js';
import type { BuiltFrame } from '../support/packet-builder.js';
import { tcpOption } from '../support/tcp-segment.js';
import { concat, readU16 } from '../support/wire.js';
import { ipHeaderOf, ownSegment, type PlainPacket } from './balancer-packets.js';
import { type Connection, type Host, TICK } from './parties.js';
import { type Count, toaOf } from './translation.js';

export type Settings = Required<SynProxyConfig>;

/** Between two SYNs to a real server that does not answer. */
export const SYN_TICKS = 3000 / TICK;

const MSS_TABLES = [
  [64, 256, 512, 536, 1024, 1280, 1440, 1452, 1460, 4312],
  [64, 256, 536, 1024, 1220, 1280, 1360, 1420, 1440, 8940],
] as const;

function tableFor(address: string): readonly number[] {
  return MSS_TABLES[address.includes(':') ? 1 : 0];
}

/** What a client's SYN asked for, as far as it was agreed to. */
export interface Asked {
  /** As its cookie tells it. */
  readonly mss: number;
  /** 0: none. */
  readonly windowScale: number;
  readonly sack: boolean;
}

/** A handshake that the balancer has taken over from a client, and what it made of the connection. */
export interface Handshake {
  readonly cookie: number;
  readonly asked: Asked;
  /** The real server has answered. */
  answered: boolean;
  resent: number;
  /** The client's segments that wait for that. */
  kept: { readonly link: number; readonly frame: BuiltFrame }[];
  /** Added to the real server's numbers. */
  shift: number;
  /** Powers of two that windows are multiplied with. */
  toClient: number;
  toServer: number;
  /** The longest TCP segment of the client's. */
  segmentMax: number;
}

/** The last bare ACK of a real server, and how often it came again. */
export interface Storm {
  text: string;
  repeats: number;
  tick: number;
}

/** The SYN-ACK for a SYN, but for its cookie, and what the cookie is to tell. */
export function answerTo(syn: PlainPacket, settings: Settings): { synAck: PlainPacket; data: number } {
  const options = syn.options.map(() => 1);
  let mss = Math.min(536, settings.mss);
  let windowScale = 0;
  let sack = false;
  for (const { at, kind, bytes } of optionsIn(syn.options)) {
    if (kind === 2) {
      mss = Math.min(readU16(bytes, 2), settings.mss);
      options.set(tcpOption.mss(mss), at);
    } else if (kind === 4 && settings.sack) {
      sack = true;
      options.set(bytes, at);
    } else if (kind === 3 && settings.windowScale > 0 && bytes[2]! > 0) {
      windowScale = bytes[2]!;
      options.set(tcpOption.windowScale(settings.windowScale), at);
    }
  }
  const [vip, client] = [
    { address: syn.to, port: syn.toPort },
    { address: syn.from, port: syn.fromPort },
  ];
  const answer = { flags: 'SA', seq: 0, ack: (syn.seq + 1) >>> 0, window: 65535, ttl: settings.ttl, options };
  const table = tableFor(syn.from);
  const index = Math.max(
    0,
    table.findLastIndex((each) => each <= mss),
  );
  const data = Number(sack) * 2 ** 21 + windowScale * 2 ** 16 + index * 2 ** 12;
  return { synAck: ownSegment(vip, client, answer), data };
}

function optionsIn(options: Uint8Array): { at: number; kind: number; bytes: Uint8Array }[] {
  const found: { at: number; kind: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < options.length && options[at] !== 0; ) {
    const length = options[at] === 1 ? 1 : options[at + 1]!;
    found.push({ at, kind: options[at]!, bytes: options.slice(at, at + length) });
    at += length;
  }
  return found;
}

export function handshakeOf(cookie: number, data: number, client: Host): Handshake {
  const asked = {
    mss: tableFor(client.address)[(data >> 12) & 15]!,
    windowScale: (data >> 16) & 15,
    sack: (data & (2 ** 21)) !== 0,
  };
  const unknown = { shift: 0, toClient: 0, toServer: 0, segmentMax: 65535 };
  return { cookie, asked, answered: false, resent: 0, kept: [], ...unknown };
}

/** The SYN to the real server, as if the client had sent it. */
export function synFor({ client, vip, clientIsn, handshake }: Connection): PlainPacket {
  const { mss, windowScale, sack } = handshake!.asked;
  const options = concat(
    tcpOption.mss(mss),
    ...(sack ? [tcpOption.sackPermitted, tcpOption.nop, tcpOption.nop] : []),
    ...(windowScale > 0 ? [tcpOption.nop, tcpOption.windowScale(windowScale)] : []),
  );
  return ownSegment(client, vip, { flags: 'S', seq: clientIsn, window: 5000, options });
}

/** The real server's SYN-ACK tells what it has agreed to; the client was told before. */
export function agree(connection: Connection, handshake: Handshake, synAck: PlainPacket, count: Count): void {
  const { service, server } = connection;
  const { synProxy, toa } = service.config;
  const options = optionsIn(synAck.options);
  const mss = options.find(({ kind }) => kind === 2)?.bytes;
  const scale = options.find(({ kind }) => kind === 3)?.bytes[2];
  const { asked } = handshake;
  if (asked.windowScale > 0) {
    handshake.toClient = (scale ?? 0) - synProxy!.windowScale;
    handshake.toServer = scale === undefined ? asked.windowScale : 0;
  }
  const announced = mss === undefined ? (ipHeaderOf(server.address) === 20 ? 536 : 1220) : readU16(mss, 2);
  const most = announced - (toa?.on.includes('ack') ? toaOf(connection).length : 0);
  handshake.segmentMax = 20 + most;
  if (most < asked.mss) count('syn-proxy-mss-smaller');
}

export function rescaled(window: number, power: number): number {
  return Math.min(65535, Math.floor(window * 2 ** power));
}

/** Whether a real server's segment is one equal ACK too many. */
export function isStorm(
  storm: Storm,
  { flags, seq, ack, window, payload, options }: PlainPacket,
  tick: number,
  threshold: number,
): boolean {
  const bare = payload.length === 0 && flags.includes('A') && !/[SFR]/.test(flags);
  if (!bare) {
    storm.repeats = 0;
    return false;
  }
  const text = `${seq} ${ack} ${window}`;
  const again = text === storm.text && tick - storm.tick <= 500 / TICK && options.length === 0;
  storm.tick = tick;
  storm.text = text;
  if (again && storm.repeats + 1 >= threshold) return true;
  storm.repeats = again ? storm.repeats + 1 : 0;
  return false;
}
