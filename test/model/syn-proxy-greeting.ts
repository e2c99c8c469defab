/** The SYN proxy before there is a connection: a SYN is answered with a cookie, and the ACK has to bring it back. */
import { hostPort } from '../support/wire.js';
import { reply } from './answers.js';
import type { Arrival, Out, PlainPacket } from './balancer-packets.js';
import type { Memory } from './memory.js';
import type { Service } from './parties.js';
import type { CookieFlow } from './syn-cookie.js';
import { answerTo } from './syn-proxy.js';

/** A SYN is answered at once, and nothing kept of it. */
export function greet(memory: Memory, arrival: Arrival, service: Service): Out[] {
  if (service.servers.every(({ present, weight, overloaded }) => !present || weight === 0 || overloaded)) {
    memory.count('drop-syn-proxy-no-server');
    return [];
  }
  const { plain } = arrival;
  const { synAck, data } = answerTo(plain, service.config.synProxy!);
  service.issued = memory.minute;
  service.protection.answered++;
  memory.count('syn-proxy-syn');
  const seq = memory.cookies.issue(flowOf(plain, plain.seq), data, memory.now);
  return reply(arrival, { ...synAck, seq });
}

export function mayBringCookie(memory: Memory, service: Service, { flags }: PlainPacket): boolean {
  return flags.includes('A') && !/[SFR]/.test(flags) && memory.minute - service.issued < 4;
}

/** What the cookie says that an ACK brings back; undefined where it is none, `early` where data must come first. */
export function cookieIn(memory: Memory, plain: PlainPacket, service: Service): number | undefined | 'early' {
  const isn = (plain.seq - 1) >>> 0;
  const data = memory.cookies.check(flowOf(plain, isn), (plain.ack - 1) >>> 0, memory.now);
  if (data === undefined) return undefined;
  if (plain.payload.length === 0 && service.config.synProxy!.deferUntilData) {
    memory.count('drop-syn-proxy-null-ack');
    return 'early';
  }
  service.protection.accepted++;
  memory.count('syn-proxy-ack-ok');
  return data;
}

function flowOf({ from, fromPort, to, toPort }: PlainPacket, isn: number): CookieFlow {
  return { client: hostPort(from, fromPort), vip: hostPort(to, toPort), isn };
}
