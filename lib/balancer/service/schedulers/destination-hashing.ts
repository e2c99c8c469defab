import type { Frame } from '../../frame.js';
import type { RealServer } from '../real-server.js';
import { foldAddress } from './fold-address.js';
import { GENERATIONS } from './generation.js';
import { Hashed } from './hashed.js';
import type { SchedulerOptions } from './scheduler.js';

/**
 * `dh`: by the address that the client connects to, for services of many addresses; all real servers get as many of
 * the 256 buckets, whatever their weights (ip_vs_dh.c).
 */
export class DestinationHashing extends Hashed {
  readonly #bucket: (value: number) => number;

  constructor({ profile }: SchedulerOptions) {
    super(256, false);
    this.#bucket = GENERATIONS[profile].bucket;
  }

  protected fill(table: Int32Array, servers: readonly RealServer[]): void {
    if (servers.length === 0) return;
    for (let bucket = 0; bucket < table.length; bucket++) table[bucket] = bucket % servers.length;
  }

  protected key(frame: Frame): number {
    return foldAddress(frame.destination0, frame.destination1, frame.destination2, frame.destination3);
  }

  protected place(key: number): number {
    return this.#bucket(key);
  }
}
