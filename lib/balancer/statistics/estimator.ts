import { BYTES_IN, FIELDS } from './traffic.js';

/** Seconds between two looks at the counters. */
export const ESTIMATOR_INTERVAL = 2;

/**
 * Rates a second as Linux's IPVS estimates them (net/netfilter/ipvs/ip_vs_est.c): of each counter an average that
 * moves by a quarter of the distance every two seconds, in fixed point: packets and connections in 1/1024, bytes in
 * 1/32.
 */
export class Estimator {
  readonly #last = new Float64Array(FIELDS);
  readonly #average = new Float64Array(FIELDS);

  /** Two seconds are over. @param totals of all time, by field */
  advance(totals: Float64Array): void {
    for (let field = 0; field < FIELDS; field++) {
      const rate = (totals[field]! - this.#last[field]!) * (field < BYTES_IN ? 512 : 16);
      this.#average[field]! += Math.floor((rate - this.#average[field]!) / 4);
      this.#last[field] = totals[field]!;
    }
  }

  /** A field's rate a second, as it is shown. */
  rate(field: number): number {
    const average = this.#average[field]!;
    return field < BYTES_IN ? Math.floor((average + 0x1ff) / 1024) : Math.floor((average + 0xf) / 32);
  }

  /** Back to 0, as `ipvsadm -Z` does. */
  reset(): void {
    this.#average.fill(0);
  }
}
