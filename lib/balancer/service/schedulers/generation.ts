import type { Profile } from '../../config/model.js';
import type { RealServer } from '../real-server.js';

/** Where the members of the LVS family differ in their schedulers. */
export interface Generation {
  /** An address, folded to 32 bits, to one of the 256 buckets of `dh` and `sh`. */
  readonly bucket: (value: number) => number;
  /** What a real server's connections cost it, in `lc`, `wlc`, `lblc`, `lblcr` and `twos`. */
  readonly overhead: (server: RealServer) => number;
  /** Whether `sh` gives a real server as many buckets in a row as its weight says; else one to each in turn. */
  readonly weightedSourceHash: boolean;
}

/** Knuth's multiplicative hash, of which the low byte is taken: it depends on the last octet only. */
const lastOctet = (value: number) => Math.imul(value, 0x9e3779b1) & 0xff;

/** hash_32() of Linux's hash.h, 8 bits: the high byte of a multiplication by the golden ratio. */
const allBits = (value: number) => Math.imul(value, 0x61c88647) >>> 24;

/** ip_vs_dest_conn_overhead() once: an active connection costs as much as 256 others; */
const activeOrInactive = (server: RealServer) => 256 * server.active + server.inactive;

/** and in Linux 6.12, which adds the total to the product: an active one counts twice. */
const activeAndTotal = (server: RealServer) => 257 * server.active + server.inactive;

/** DPVS has neither `sh` nor `dh`: with its profile they are as in Linux before 2025. */
export const GENERATIONS: Readonly<Record<Profile, Generation>> = {
  kernel: { bucket: allBits, overhead: activeAndTotal, weightedSourceHash: true },
  alibaba: { bucket: lastOctet, overhead: activeOrInactive, weightedSourceHash: false },
  dpvs: { bucket: lastOctet, overhead: activeOrInactive, weightedSourceHash: true },
};
