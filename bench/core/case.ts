/**
 * `node case.js KIND CONNECTIONS`: measures one case in a process of its own, as a balancer has one, and prints
 * `{"nanoseconds":…,"heapGrowth":…}`. What else had run before in it would change what the compiler makes of the path.
 */
import { raiseInliningLimits } from '../../lib/daemon/inlining.js';
import { measureCase } from './measure.js';
import { NaiveRewriter } from './naive-rewriter.js';
import { BalancerReplay, NaiveReplay, type Replay } from './replay.js';
import { establish } from './scenario.js';
import { isWayName, WAYS } from './ways.js';

raiseInliningLimits(); // as the daemon does
const [kind, connections] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(measureCase(prepare(kind!, Number(connections))))}\n`);

function prepare(kind: string, connections: number): [Replay, ...Replay[]] {
  if (isWayName(kind)) {
    const { family, way } = WAYS[kind];
    return [new BalancerReplay(establish(family, connections, way))];
  }
  switch (kind) {
    case 'dualStack':
      return [...prepare('fullnat', connections), ...prepare('fullnat6', connections)];
    case 'naive': {
      const { segments } = establish(4, connections);
      return [new NaiveReplay(segments, new NaiveRewriter(segments))];
    }
    default:
      throw new RangeError(`there is no case "${kind}"`);
  }
}
