import type { BuiltFrame } from '../support/packet-builder.js';
import { decodeFrame } from '../support/packet-decoder.js';
import { MACS, type Topology } from '../support/topology.js';
import { addressText } from '../support/wire.js';

/**
 * Why a frame must not have opened a connection, or undefined where it may have: the slow and obvious way to see it,
 * which shares no code with the balancer.
 * @param ports the first and the last that is served
 */
export function faultAsOpening(
  link: number,
  built: BuiltFrame,
  { vip }: Topology,
  ports: readonly [number, number],
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
  if (tcp !== undefined && !/^S[^FRA]*$/.test(tcp.flags)) return `its flags are ${tcp.flags}`;
  return undefined;
}

function isStation(from: Uint8Array): boolean {
  const first = from[0]!;
  if (from.length === 4) return first !== 0 && first !== 127 && first < 224;
  return first !== 0xff && from.subarray(0, 15).some((byte) => byte !== 0);
}
