import { CookieModel } from '../model/syn-cookie.js';
import type { BuiltFrame } from '../support/packet-builder.js';
import { decodeFrame } from '../support/packet-decoder.js';
import { SECRET } from '../support/rig.js';
import { MACS, type Topology } from '../support/topology.js';
import { addressText } from '../support/wire.js';

const cookies = new CookieModel(SECRET.subarray(8, 24));

/**
 * Why a frame must not have opened a connection, or undefined where it may have: the slow and obvious way to see it,
 * which shares no code with the balancer.
 * @param ports the first and the last that is served
 * @param isProxied whether clients of a port shake hands with the balancer first
 * @param now milliseconds
 */
export function faultAsOpening(
  link: number,
  built: BuiltFrame,
  { vip }: Topology,
  ports: readonly [number, number],
  isProxied: (port: number) => boolean,
  now: number,
): string | undefined {
  const { to, ip, tcp, udp } = decodeFrame(built);
  if (to !== MACS.balancer[link]) return 'it is for another station';
  if (ip === undefined) return 'it is no IP packet';
  if (!ip.checksumRight) return 'its IP checksum is wrong';
  if (ip.totalLength > built.bytes.length - 14) return 'it is cut off';
  if (addressText(ip.to) !== vip) return 'it is not for the VIP';
  if (!isStation(ip.from)) return 'nobody can have its source address';
  // The rest stands in the other fragments too.
  if (ip.fragmented) return undefined;
  if (ip.ttl <= 1) return 'its time is over';
  const transport = tcp ?? udp;
  if (transport === undefined) return 'it is neither TCP nor UDP';
  if (transport.to < ports[0] || transport.to > ports[1]) return 'nobody serves its port';
  if (tcp !== undefined && isProxied(tcp.to)) {
    if (!/^[^SFR]*A[^SFR]*$/.test(tcp.flags)) return `its flags are ${tcp.flags}`;
    const [client, vip] = [
      { address: ip.from, port: tcp.from },
      { address: ip.to, port: tcp.to },
    ];
    const flow = { client, vip, isn: (tcp.seq - 1) >>> 0 };
    const isGood = cookies.check(flow, (tcp.ack - 1) >>> 0, now) !== undefined;
    return isGood ? undefined : 'its cookie is none';
  }
  if (tcp !== undefined && !/^S[^FRA]*$/.test(tcp.flags)) return `its flags are ${tcp.flags}`;
  return undefined;
}

function isStation(from: Uint8Array): boolean {
  const first = from[0]!;
  if (from.length === 4) return first !== 0 && first !== 127 && first < 224;
  return first !== 0xff && from.subarray(0, 15).some((byte) => byte !== 0);
}
