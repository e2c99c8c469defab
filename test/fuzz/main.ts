/** `npm run fuzz`: see the help below. */
import { parseArgs } from 'node:util';
import { describe } from '../support/packet-decoder.js';
import { ROUND, Round } from './round.js';

const help = `Usage: npm run fuzz [-- options]

Mutated frames of every mode through the balancer's process(): it must not throw, not read or write outside of the frame,
make no connection for garbage, and keep nothing when all timeouts are over.

  --frames N  so many; 1000000 without it
  --seed S    what they are drawn from; without it the time, and it is printed
  --round R   only this round of ${ROUND} frames, to repeat a failure
  --help
`;

const { values: options } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    round: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) process.stdout.write(help);
else process.exitCode = main();

function main(): number {
  const seed = wholeNumber('seed', options.seed);
  const frames = wholeNumber('frames', options.frames);
  const only = options.round === undefined ? undefined : wholeNumber('round', options.round);
  const rounds = Math.ceil(frames / ROUND);
  const met = new Map<string, number>();
  const started = process.cpuUsage();
  const numbers = only === undefined ? Array.from({ length: rounds }, (_, number) => number) : [only];
  for (const number of numbers) {
    const size = only === undefined ? Math.min(ROUND, frames - number * ROUND) : Math.min(ROUND, frames);
    const round = new Round(seed, number);
    try {
      round.play(size);
    } catch (error) {
      return report(error, { seed, number, size }, round);
    }
    for (const [name, count] of Object.entries(round.arena.rig.balancer.counters.snapshot())) {
      met.set(name, (met.get(name) ?? 0) + count);
    }
  }
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  return summarize(met, seed, only === undefined ? frames : Math.min(ROUND, frames), seconds);
}

interface Place {
  readonly seed: number;
  readonly number: number;
  readonly size: number;
}

function report(error: unknown, { seed, number, size }: Place, { tried, mutator }: Round): number {
  const built = mutator.built();
  console.error(error);
  console.error(
    [
      `seed ${seed}, frame ${number * ROUND + tried} (${tried} of round ${number}), on link ${mutator.link}`,
      `vnet header ${Buffer.from(built.virtio).toString('hex')}`,
      `frame       ${Buffer.from(built.bytes).toString('hex')}`,
      `again: npm run fuzz -- --seed ${seed} --round ${number} --frames ${size}`,
    ].join('\n'),
  );
  console.error(describe(built)); // last: what is broken enough may be too much for it
  return 1;
}

/** Fails where the frames did not get far enough to say anything. */
function summarize(met: ReadonlyMap<string, number>, seed: number, frames: number, seconds: number): number {
  const reasons = [...met].filter(([name, count]) => name.startsWith('drop-') && count > 0);
  const forwarded = met.get('frames-forwarded') ?? 0;
  console.log(
    `seed ${seed}: ${frames} frames in ${seconds.toFixed(1)} s of a processor (${((seconds * 1e6) / frames).toFixed(1)} µs each): ` +
      `${forwarded} forwarded, ${met.get('connections-new')} connections, ${reasons.length} reasons to drop`,
  );
  if (forwarded > frames / 20 && reasons.length >= 15) return 0;
  console.error('too few were forwarded, or too few reasons to drop were met, for this to be a test');
  return 1;
}

function wholeNumber(name: string, given: string): number {
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new Error(`--${name} ${given}: wanted a whole number up to 999999999`);
}
