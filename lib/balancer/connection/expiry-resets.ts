import { RST } from '../../net/tcp.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import type { Neighbors } from '../neighbors.js';
import { writeReset } from '../reset.js';
import { EMPTY_SEGMENT_MAX } from '../segment.js';
import { DROPPED } from '../verdict.js';
import {
  CLIENT,
  CLIENT_HOP,
  CLIENT_PORTS,
  LOCAL,
  SERVER,
  SERVER_ACKNOWLEDGED,
  SERVER_END,
  SERVER_HOP,
  SERVER_PORTS,
  swapPorts,
  VIP,
} from './record.js';

/** Tells both sides of a connection that it is gone, with what each expects next. */
export class ExpiryResets {
  readonly #emitted: Emitted;
  readonly #neighbors: Neighbors;
  readonly #counters: Counters;

  constructor(emitted: Emitted, neighbors: Neighbors, counters: Counters) {
    this.#emitted = emitted;
    this.#neighbors = neighbors;
    this.#counters = counters;
  }

  /** @param base the record of a connection whose numbers on both sides are known */
  send(words: Int32Array, base: number): void {
    this.toServer(words, base);
    this.#reset(
      words.subarray(base + VIP, base + VIP + 4),
      words.subarray(base + CLIENT, base + CLIENT + 4),
      swapPorts(words[base + CLIENT_PORTS]!),
      words[base + SERVER_END]!,
      words[base + CLIENT_HOP]!,
    );
  }

  /** Tells the real server alone. */
  toServer(words: Int32Array, base: number): void {
    this.#reset(
      words.subarray(base + LOCAL, base + LOCAL + 4),
      words.subarray(base + SERVER, base + SERVER + 4),
      swapPorts(words[base + SERVER_PORTS]!),
      words[base + SERVER_ACKNOWLEDGED]!,
      words[base + SERVER_HOP]!,
    );
  }

  #reset(source: Int32Array, destination: Int32Array, ports: number, sequence: number, hop: number): void {
    const frame = this.#emitted.take(EMPTY_SEGMENT_MAX);
    if (frame === undefined) {
      this.#counters.add(COUNTER['drop-out-of-buffers']);
      return;
    }
    writeReset(frame, source, destination, ports, sequence, 0, RST);
    const link = this.#neighbors.address(frame, hop);
    if (link >= 0) this.#emitted.send(frame, link);
    else this.#emitted.discard(frame);
    if (link !== DROPPED) this.#counters.add(COUNTER['reset-on-expiry']);
  }
}
