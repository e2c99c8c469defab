import { delta32, fold } from '../../net/checksum.js';
import {
  CHECKSUM_DELTAS,
  CLIENT,
  CLIENT_PORTS,
  LOCAL,
  SERVER,
  SERVER_PORTS,
  swapPorts,
  VIP,
} from '../connection/record.js';

/** Notes once in a new connection's record what its address and port changes do to checksums. */
export function noteChecksumDeltas(words: Int32Array, base: number): void {
  let addresses = 0;
  for (let i = 0; i < 4; i++) {
    addresses += delta32(words[base + CLIENT + i]!, words[base + LOCAL + i]!);
    addresses += delta32(words[base + VIP + i]!, words[base + SERVER + i]!);
  }
  const ports = delta32(words[base + CLIENT_PORTS]!, swapPorts(words[base + SERVER_PORTS]!));
  words[base + CHECKSUM_DELTAS] = (fold(addresses) << 16) | fold(ports);
}
