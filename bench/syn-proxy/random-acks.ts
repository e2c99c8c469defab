/**
 * `node random-acks.js COUNT SEED`: lets so many random ACKs arrive at a balancer that shakes hands for its service, and prints as JSON
 * how many of them it took for the end of a handshake.
 */
import { raiseInliningLimits } from '../../lib/daemon/inlining.js';
import { Random } from '../../test/support/random.js';
import { IPV4 } from '../../test/support/topology.js';
import { Attacked } from './attacked.js';

/** A balancer is called about as often. */
const STEP_MS = 250;
/** As in a flood of 400,000 per second. */
const ACKS_IN_A_STEP = 100_000;

raiseInliningLimits(); // as the daemon does
const count = Number(process.argv[2]);
const attacked = new Attacked(IPV4, new Random(Number(process.argv[3])));
for (let sent = 0; sent < count; sent++) {
  if (sent % ACKS_IN_A_STEP === 0) {
    attacked.advance(STEP_MS);
    attacked.arrive('syn'); // cookies are looked at only where one was given lately
  }
  attacked.arrive('ack');
}
const passed = attacked.balancer.counters.snapshot()['syn-proxy-ack-ok'];
process.stdout.write(`${JSON.stringify({ passed })}\n`);
