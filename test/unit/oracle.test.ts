/**
 * The comparison with Linux's IPVS (test/vm/oracle), here with our own balancer in Linux's place: that a difference would be
 * found, whatever it is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SchedulerName } from '../../lib/balancer/config/index.js';
import type { ServiceUnderTest } from '../vm/oracle/balancing.js';
import { OurBalancer } from '../vm/oracle/our-balancer.js';
import type { Recording, Step } from '../vm/oracle/recording.js';
import { replay } from '../vm/oracle/replay.js';
import { record } from '../vm/oracle/script.js';

function serviceOf(scheduler: SchedulerName, family: 4 | 6 = 4): ServiceUnderTest {
  return { protocol: 'tcp', scheduler, flags: [], family, port: 1000, isWide: scheduler === 'dh' };
}

function recordOurs(service: ServiceUnderTest, seed = 1): Recording {
  return record(new OurBalancer(service), { service, seed, heaviest: 10, slow: 0 })!;
}

for (const family of [4, 6] as const) {
  for (const scheduler of ['wlc', 'dh'] as const) {
    test(`a script for ${scheduler} over IPv${family} chooses among many, and is the same whenever it is played`, () => {
      const service = serviceOf(scheduler, family);
      const recording = recordOurs(service);
      assert.deepEqual(recordOurs(service), recording);
      const { opened, servers, clients, destinations } = replay(recording, new OurBalancer(service));
      assert.equal(opened, 300);
      assert.ok(servers >= 6, `${servers} servers`);
      assert.ok(clients >= 64 && destinations >= 64 === service.isWide);
    });
  }
}

for (const [what, own, other] of [
  ['a client’s network that is remembered', { persistence: 20 }, {}],
  ['how much of a client’s address is remembered', { persistence: 20 }, { persistence: 32 }],
] satisfies [string, Partial<ServiceUnderTest>, Partial<ServiceUnderTest>][]) {
  test(`${what} is played, and is missed where it is not so`, () => {
    const recording = recordOurs({ ...serviceOf('rr'), ...own });
    replay(recording, new OurBalancer(recording.service));
    const otherwise = new OurBalancer({ ...serviceOf('rr'), ...other });
    assert.throws(() => replay(recording, otherwise), /wanted to server \d: /);
  });
}

test('SYNs come on connections that are over, and datagrams where there are no segments', () => {
  const { renewed } = replay(recordOurs(serviceOf('lc')), new OurBalancer(serviceOf('lc')));
  assert.ok(renewed >= 10, `${renewed} got another real server`);
  const service = { ...serviceOf('lc', 6), protocol: 'udp' } as const;
  const recording = recordOurs(service);
  assert.equal(replay(recording, new OurBalancer(service)).opened, 300);
  assert.throws(() => replay(recording, new OurBalancer(serviceOf('lc', 6))), /got {4}ICMP/);
});

test('another seed is another script', () => {
  const service = serviceOf('wlc');
  assert.notDeepEqual(recordOurs(service, 2).steps, recordOurs(service, 1).steps);
});

test('another scheduler is found out, and told with seed, step and both answers', () => {
  const recording = recordOurs(serviceOf('wlc'));
  assert.throws(
    () => replay(recording, new OurBalancer(serviceOf('lc'))),
    /wlc, IPv4, seed 1, step \d+ of \d+\nwanted to server \d: [0-9a-f]+\ngot {4}to server \d: [0-9a-f]+\nour real servers: /,
  );
});

/** The recording with the last step of a kind altered. */
function altered(recording: Recording, alter: (step: Step) => Step | undefined): Recording {
  const at = recording.steps.findLastIndex((step) => alter(step) !== undefined);
  return { ...recording, steps: recording.steps.with(at, alter(recording.steps[at]!)!) };
}

for (const [what, alter] of [
  [
    'a byte of a packet',
    (step) => ('segment' in step ? { ...step, packet: `${step.packet.slice(0, -1)}f` } : undefined),
  ],
  [
    'the link that a packet leaves by',
    (step) => ('segment' in step ? { ...step, link: 1 - step.link } : undefined),
  ],
  [
    'an active connection more',
    (step) =>
      'loads' in step
        ? { loads: step.loads.map((one, i) => (i === 0 ? { ...one, active: one.active + 1 } : one)) }
        : undefined,
  ],
  ['the order of the list', (step) => ('loads' in step ? { loads: step.loads.toReversed() } : undefined)],
] satisfies [string, (step: Step) => Step | undefined][]) {
  test(`${what} is found out`, () => {
    const recording = recordOurs(serviceOf('wlc'));
    assert.throws(
      () => replay(altered(recording, alter), new OurBalancer(recording.service)),
      /seed 1, step/,
    );
  });
}
