import type { Frame } from '../../frame.js';
import type { RealServer } from '../real-server.js';
import { foldClient } from './fold-address.js';
import { GENERATIONS, type Generation } from './generation.js';
import { Hashed } from './hashed.js';
import type { SchedulerOptions } from './scheduler.js';

/**
 * `sh`: by the client's address, so that a client meets the same real server again; with `sh-port` its port counts
 * too. Real servers get runs of the 256 buckets, as long as their weights (ip_vs_sh.c). One with weight 0 has a bucket
 * as well, and whoever falls into it gets nothing, or with `sh-fallback` another.
 */
export class SourceHashing extends Hashed {
  readonly #generation: Generation;
  readonly #withPort: boolean;

  constructor({ profile, withPort, fallback }: SchedulerOptions) {
    super(256, fallback);
    this.#generation = GENERATIONS[profile];
    this.#withPort = withPort;
  }

  protected fill(table: Int32Array, servers: readonly RealServer[]): void {
    let bucket = 0;
    while (bucket < table.length && servers.length > 0) {
      for (const [position, server] of servers.entries()) {
        const run = this.#generation.weightedSourceHash ? Math.max(1, server.weight) : 1;
        table.fill(position, bucket, bucket + run);
        bucket += run;
      }
    }
  }

  protected key(frame: Frame): number {
    return foldClient(frame, this.#withPort);
  }

  protected place(key: number, offset: number): number {
    return (this.#generation.bucket(key) + offset) & 0xff;
  }
}
