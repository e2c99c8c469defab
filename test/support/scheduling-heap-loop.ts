/**
 * Run by a test in a process of its own, with --expose-gc: lets every scheduler choose two hundred thousand times, for
 * clients and destinations that change, and prints as JSON by how many bytes the heap has grown for each.
 */
import { schedulerNames } from '../../lib/balancer/config/model.js';
import { Scheduling, synFrom } from './scheduling.js';

const CHOICES = 200_000;
const WARM_UP = 50_000;

const frame = synFrom({});

function grownBy(scheduling: Scheduling): number {
  const run = (count: number) => {
    for (let i = 0; i < count; i++) {
      frame.source3 = i;
      frame.destination3 = i & 63;
      scheduling.scheduler.schedule(frame, 0);
    }
  };
  run(WARM_UP);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  run(CHOICES);
  return process.memoryUsage().heapUsed - before;
}

const grown = Object.fromEntries(
  schedulerNames.map((name) => {
    // B takes nothing: the fallback has to search.
    const scheduling = new Scheduling(name, [4, 2, 1, 3], { withPort: true, fallback: true });
    return [name, grownBy(scheduling.load('B', { overloaded: true })) / CHOICES];
  }),
);
process.stdout.write(JSON.stringify(grown));
