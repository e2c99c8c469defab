/** The schedulers beside slow and obvious models of them, on drawn weights, loads and changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { profiles } from '../../../lib/balancer/config/model.js';
import { type LeastName, leastModel } from '../../model/least-loaded.js';
import { LocalityModel } from '../../model/locality.js';
import { WeightedRoundRobinModel } from '../../model/weighted-round-robin.js';
import { Scheduling } from '../../support/scheduling.js';

const weight = fc.oneof(fc.nat(6), fc.constantFrom(0, 10, 15, 100));

type Change = (scheduling: Scheduling) => void;

/** A real server's letter, of those that are in the list at that time. */
const letter = (scheduling: Scheduling, choice: number) =>
  scheduling.letters[choice % scheduling.letters.length];

const change = fc.oneof(
  {
    weight: 1,
    arbitrary: weight.map(
      (w): Change =>
        (scheduling) =>
          scheduling.add(w),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (choice): Change =>
        (scheduling) => {
          const name = letter(scheduling, choice);
          if (name !== undefined) scheduling.remove(name);
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(), weight).map(
      ([choice, w]): Change =>
        (scheduling) => {
          const name = letter(scheduling, choice);
          if (name !== undefined) scheduling.weigh(name, w);
        },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(), fc.boolean()).map(
      ([choice, overloaded]): Change =>
        (scheduling) => {
          const name = letter(scheduling, choice);
          if (name !== undefined) scheduling.load(name, { overloaded });
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (overloaded): Change =>
        (scheduling) => {
          for (const name of scheduling.letters) scheduling.load(name, { overloaded });
        },
    ),
  },
);

test('wrr goes the way of the model through picks, changes of the list and overloads', () => {
  fc.assert(
    fc.property(
      fc.array(weight, { maxLength: 6 }),
      fc.array(fc.oneof({ weight: 1, arbitrary: change }, { weight: 2, arbitrary: fc.constant('pick') }), {
        maxLength: 60,
      }),
      (weights, steps) => {
        const scheduling = new Scheduling('wrr', weights);
        const model = new WeightedRoundRobinModel();
        model.update(scheduling.servers);
        for (const step of steps) {
          if (step === 'pick') {
            const expected = model.schedule();
            assert.equal(scheduling.schedule(), expected);
          } else {
            const before = scheduling.changes;
            (step as Change)(scheduling);
            if (scheduling.changes !== before) model.update(scheduling.servers);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('wrr gives each real server as many turns as its weight says', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), (weights) => {
      const scheduling = new Scheduling('wrr', weights);
      const total = weights.reduce((a, b) => a + b);
      const picks = scheduling.picks(total);
      for (const [i, name] of scheduling.letters.entries()) {
        assert.equal(picks.split(name).length - 1, weights[i]);
      }
    }),
  );
});

const server = fc.record({
  weight: fc.oneof(weight, fc.nat(65_535)),
  active: fc.oneof(fc.nat(5), fc.nat(1_000_000)),
  inactive: fc.oneof(fc.nat(5), fc.nat(1_000_000)),
  overloaded: fc.boolean(),
});

for (const name of ['lc', 'wlc', 'sed', 'nq', 'fo', 'ovf'] satisfies LeastName[]) {
  test(`${name} picks whom a comparison of exact fractions picks`, () => {
    fc.assert(
      fc.property(fc.array(server, { maxLength: 8 }), fc.constantFrom(...profiles), (loads, profile) => {
        const scheduling = new Scheduling(
          name,
          loads.map((load) => load.weight),
          { profile },
        );
        for (const [i, { weight: _, ...load }] of loads.entries()) {
          scheduling.load(scheduling.letters[i]!, load);
        }
        assert.equal(scheduling.schedule(), leastModel(name, scheduling.servers, profile));
      }),
      { numRuns: 1000 },
    );
  });
}

/** A connection to one of few addresses after some time, held or not; or the end of all connections of a real server. */
const visit = fc.tuple(
  fc.nat(1),
  fc.boolean(),
  fc.constantFrom(0, 0, 0, 1, 60_000, 7 * 60_000, 13 * 3600_000, 24 * 3600_000, 24 * 3600_000 + 1),
);
const ending = fc.nat().map(
  (choice): Change =>
    (scheduling) => {
      const name = letter(scheduling, choice);
      if (name !== undefined) scheduling.load(name, { active: 0, inactive: 0 });
    },
);

for (const name of ['lblc', 'lblcr'] as const) {
  test(`${name} remembers and forgets as the model does, through loads, changes of the list and days`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { maxLength: 4 }),
        fc.array(
          fc.oneof({ weight: 4, arbitrary: visit }, { weight: 1, arbitrary: fc.oneof(change, ending) }),
          {
            maxLength: 60,
          },
        ),
        (weights, steps) => {
          const scheduling = new Scheduling(name, weights);
          const model = new LocalityModel(name === 'lblcr');
          // The clock of the scheduler begins with its first use.
          scheduling.schedule({ to: '100.64.0.9', now: 0 });
          model.schedule(scheduling.servers, '100.64.0.9', 0);
          let now = 0;
          for (const step of steps) {
            if (typeof step === 'function') {
              step(scheduling);
              continue;
            }
            const [address, held, wait] = step;
            now += wait;
            const to = `100.64.0.${address}`;
            const expected = model.schedule(scheduling.servers, to, now);
            const chosen = scheduling.schedule({ to, now });
            assert.equal(chosen, expected);
            if (held && chosen !== undefined) chosen.active++;
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
}
