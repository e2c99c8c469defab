/** What becomes of a real server's packets behind the SYN proxy: its answer to the SYN, and what follows. */
import type { BuiltFrame } from '../support/packet-builder.js';
import { stray } from './answers.js';
import { type Arrival, type Out, sizeOf } from './balancer-packets.js';
import { settle } from './connections.js';
import type { Memory } from './memory.js';
import type { Connection } from './parties.js';
import { answersLaterSyn } from './renewal.js';
import { agree, isStorm } from './syn-proxy.js';

/**
 * A real server's packet, where the client shook hands with the balancer.
 * @param receive for what the client sent meanwhile: it comes in now
 * @returns undefined where it goes on as any other
 */
export function proxiedServer(
  memory: Memory,
  connection: Connection,
  arrival: Arrival,
  receive: (link: number, frame: BuiltFrame) => Out[],
): Out[] | undefined {
  const { handshake, service, server, state, clientIsn, delta, storm } = connection;
  if (handshake === undefined) return undefined;
  const { plain } = arrival;
  const { flags, seq, ack } = plain;
  if (handshake.answered && flags.includes('S')) {
    if (answersLaterSyn(connection, plain)) {
      // Those two shake hands themselves.
      connection.handshake = undefined;
      connection.progress = undefined;
      return undefined;
    }
    if ((seq + handshake.shift) >>> 0 === handshake.cookie) return undefined;
    memory.count('drop-syn-proxy-unexpected');
    return [];
  }
  if (handshake.answered) {
    const { ackStormThreshold } = service.config.synProxy!;
    if (ackStormThreshold === 0 || !isStorm(storm, plain, memory.tick, ackStormThreshold)) return undefined;
    memory.count('drop-syn-proxy-ack-storm');
    return [];
  }
  const answers = flags.includes('A') && /[SR]/.test(flags) && !flags.includes('F');
  if (state !== 'synSent' || !answers || ack !== (clientIsn + delta + 1) >>> 0) {
    return stray(memory, 'drop-syn-proxy-unexpected', arrival, flags.includes('A'));
  }
  handshake.answered = true;
  if (flags.includes('R')) {
    memory.count('syn-proxy-refused');
    handshake.kept = [];
    handshake.shift = handshake.cookie + 1 - seq;
    settle(memory, connection, 'close');
    return undefined;
  }
  memory.count('syn-proxy-established');
  handshake.shift = handshake.cookie - seq;
  connection.firstByte = (handshake.cookie + 1) >>> 0;
  agree(connection, handshake, plain, memory.count);
  settle(memory, connection, 'established');
  server.traffic.packetsOut++;
  server.traffic.bytesOut += sizeOf(plain).bytes;
  return handshake.kept.splice(0).flatMap((kept) => receive(kept.link, kept.frame));
}
