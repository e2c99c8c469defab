/**
 * `node case.js KIND CONNECTIONS`: measures one case in a process of its own, as a balancer has one, and prints
 * `{"nanoseconds":…,"heapGrowth":…}`. What else had run before in it would change what the compiler makes of the path.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { raiseInliningLimits } from '../../lib/daemon/inlining.js';
import { NaiveRewriter } from './naive-rewriter.js';
import { BalancerReplay, NaiveReplay, type Replay } from './replay.js';
import { establish } from './scenario.js';

const PACKETS = 1_000_000;
const WARM_UP = 300_000;

raiseInliningLimits(); // as the daemon does
const [kind, connections] = process.argv.slice(2);
const replays = prepare(kind!, Number(connections));
for (const replay of replays) replay.time(WARM_UP);
const times = replays.map((replay) => replay.time(PACKETS / replays.length));
collectGarbage();
replays[0]!.heapGrowth(WARM_UP); // a collection leaves the compiler some work to do again
const result = {
  nanoseconds: times.reduce((sum, time) => sum + time, 0) / times.length,
  heapGrowth: replays[0]!.heapGrowth(PACKETS),
};
process.stdout.write(`${JSON.stringify(result)}\n`);

function prepare(kind: string, connections: number): Replay[] {
  switch (kind) {
    case 'fullnat':
      return [new BalancerReplay(establish(4, connections))];
    case 'fullnat6':
      return [new BalancerReplay(establish(6, connections))];
    case 'nat64':
      return [new BalancerReplay(establish(6, connections, kind))];
    case 'nat':
    case 'dr':
    case 'tun':
      return [new BalancerReplay(establish(4, connections, kind))];
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

/** What the set-up left would else be collected in the middle of the packets, and hide growth. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
