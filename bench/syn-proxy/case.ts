/**
 * `node case.js syn|ack 4|6`: what `process` takes for a SYN that is answered with a cookie, or for an ACK with none, in a process
 * of its own. Prints `{"nanoseconds":…,"heapGrowth":…}`, the latter in bytes over a million of them.
 */
import { raiseInliningLimits } from '../../lib/daemon/inlining.js';
import { Random } from '../../test/support/random.js';
import type { SpoofedKind } from '../../test/support/spoofed-segments.js';
import { IPV4, IPV6, OUTSIDE } from '../../test/support/topology.js';
import { measureCase } from '../core/measure.js';
import { BalancerReplay } from '../core/replay.js';
import { Attacked } from './attacked.js';

const [kind, family] = process.argv.slice(2) as [SpoofedKind, string];
/** As many as do not stay in the processor's caches all together. */
const SEGMENTS = 16_384;

raiseInliningLimits(); // as the daemon does
const attacked = new Attacked(family === '6' ? IPV6 : IPV4, new Random(1));
attacked.arrive('syn'); // cookies are looked at only where one was given lately
const segments = Array.from({ length: SEGMENTS }, () => ({
  link: OUTSIDE,
  bytes: attacked.segment(kind).slice(),
}));
const { balancer, now } = attacked;
process.stdout.write(`${JSON.stringify(measureCase([new BalancerReplay({ balancer, now, segments })]))}\n`);
