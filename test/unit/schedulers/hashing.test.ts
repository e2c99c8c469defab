/** Choices of the kernel's hashing schedulers dh and sh, in both generations of their hash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Profile } from '../../../lib/balancer/config/model.js';
import { foldAddress } from '../../../lib/balancer/service/schedulers/fold-address.js';
import { GENERATIONS } from '../../../lib/balancer/service/schedulers/generation.js';
import { Scheduling, synFrom } from '../../support/scheduling.js';

type Pair = readonly [before2025: string | number, since: string | number];

/** Buckets; real servers of weights 1, 1, 1 and of 4, 2, 1; buckets with port 40000. */
const ROWS: readonly [address: string, bucket: Pair, equal: Pair, weighted: Pair, withPort: Pair][] = [
  ['10.0.0.1', [177, 39], ['A', 'A'], ['A', 'B'], [241, 203]],
  ['10.0.0.2', [98, 137], ['C', 'C'], ['A', 'B'], [162, 45]],
  ['10.0.1.1', [177, 240], ['A', 'A'], ['A', 'A'], [241, 148]],
  ['192.168.1.1', [177, 136], ['A', 'B'], ['A', 'A'], [241, 44]],
  ['192.168.1.100', [36, 89], ['A', 'C'], ['A', 'B'], [100, 253]],
  ['172.16.5.9', [57, 115], ['A', 'B'], ['A', 'A'], [121, 23]],
  ['8.8.8.8', [136, 188], ['B', 'C'], ['A', 'C'], [200, 96]],
  ['203.0.113.7', [215, 124], ['C', 'B'], ['B', 'B'], [23, 32]],
];
const ADDRESSES = ROWS.map(([address]) => address);

const bucketOf = (profile: Profile, address: string, port = 0) => {
  const { source0, source1, source2, source3 } = synFrom({ from: address });
  return GENERATIONS[profile].bucket((foldAddress(source0, source1, source2, source3) + port) | 0);
};

for (const [address, bucket, equal, weighted, withPort] of ROWS) {
  test(`${address} hashes as in old and new kernels`, () => {
    for (const [profile, generation] of [
      ['alibaba', 0] as const,
      ['dpvs', 0] as const,
      ['kernel', 1] as const,
    ]) {
      assert.equal(bucketOf(profile, address), bucket[generation]);
      assert.equal(bucketOf(profile, address, 40_000), withPort[generation]);
      assert.equal(new Scheduling('sh', [1, 1, 1], { profile }).pick({ from: address }), equal[generation]);
      assert.equal(new Scheduling('dh', [1, 1, 1], { profile }).pick({ to: address }), equal[generation]);
    }
    assert.equal(new Scheduling('sh', [4, 2, 1], { profile: 'dpvs' }).pick({ from: address }), weighted[0]);
    assert.equal(new Scheduling('sh', [4, 2, 1]).pick({ from: address }), weighted[1]);
  });
}

/** An address for each of the 256 buckets of the new hash. */
const EVERY_BUCKET = (() => {
  const found = new Map<number, string>();
  for (let i = 0; found.size < 256; i++) {
    const address = `10.1.${i >> 8}.${i & 255}`;
    found.set(bucketOf('kernel', address), address);
  }
  return Array.from({ length: 256 }, (_, bucket) => found.get(bucket)!);
})();

const count = (picks: string, letters: string) =>
  [...letters].map((letter) => picks.split(letter).length - 1);

test('sh gives buckets in runs as long as the weights', () => {
  const scheduling = new Scheduling('sh', [4, 2, 1]);
  const picks = EVERY_BUCKET.map((from) => scheduling.pick({ from })).join('');
  assert.equal(picks.slice(0, 16), 'AAAABBCAAAABBCAA');
  assert.deepEqual(count(picks, 'ABC'), [148, 72, 36]);
});

test('sh gives a real server with weight 0 one bucket, from which nobody is served', () => {
  const scheduling = new Scheduling('sh', [0, 2, 1]);
  const picks = EVERY_BUCKET.map((from) => scheduling.pick({ from })).join('');
  assert.equal(picks.slice(0, 8), '-BBC-BBC');
});

test('sh with sh-fallback serves them from where the search leads', () => {
  const plain = new Scheduling('sh', [0, 2, 1]);
  assert.equal(ADDRESSES.map((from) => plain.pick({ from })).join(''), 'CB--BC--');
  const fallback = new Scheduling('sh', [0, 2, 1], { fallback: true });
  assert.equal(ADDRESSES.map((from) => fallback.pick({ from })).join(''), 'CBBBBCBB');
});

test('sh of the old Alibaba kernel looks at no weight', () => {
  const scheduling = new Scheduling('sh', [4, 2, 1], { profile: 'alibaba' });
  assert.equal(scheduling.pick({ from: '10.0.0.2' }), 'C'); // bucket 98
});

test('sh-fallback looks on from twice the bucket', () => {
  const scheduling = new Scheduling('sh', [4, 2, 1], { fallback: true }).load('A', { overloaded: true });
  const others = Array.from({ length: 256 }, (_, bucket) => 'AAAABBC'[bucket % 7]!);
  for (const [bucket, from] of EVERY_BUCKET.entries()) {
    let place = bucket;
    for (let offset = 0; others[place] === 'A'; offset++) place = (bucket + bucket + offset) % 256;
    assert.equal(scheduling.pick({ from }), others[place]);
  }
});

test('sh counts the port only with sh-port', () => {
  const ports = [1, 1000, 40_000, 65_535];
  const picks = (withPort: boolean) => {
    const scheduling = new Scheduling('sh', Array(200).fill(1), { withPort });
    return new Set(ports.map((port) => scheduling.schedule({ from: '10.0.0.1', port }))).size;
  };
  assert.deepEqual([picks(false), picks(true)], [1, ports.length]);
});

test('sh serves a client of an overloaded real server elsewhere only with sh-fallback, and then takes it back', () => {
  for (const [fallback, meanwhile] of [
    [false, '-'],
    [true, 'B'],
  ] as const) {
    const scheduling = new Scheduling('sh', [1, 1], { fallback });
    const from = EVERY_BUCKET[0]!;
    const before = scheduling.pick({ from });
    scheduling.load('A', { overloaded: true });
    const during = scheduling.pick({ from });
    scheduling.load('A', { overloaded: false });
    assert.deepEqual([before, during, scheduling.pick({ from })], ['A', meanwhile, 'A']);
  }
});

test('sh and dh fill their buckets anew when the list or a weight changes', () => {
  const picks = (scheduling: Scheduling) =>
    EVERY_BUCKET.slice(0, 6)
      .map((address) => scheduling.pick({ from: address, to: address }))
      .join('');
  const sh = new Scheduling('sh', [1, 1]);
  assert.equal(picks(sh), 'ABABAB');
  assert.equal(picks(sh.add(2)), 'ABCCAB');
  assert.equal(picks(sh.weigh('A', 3)), 'AAABCC');
  assert.equal(picks(sh.remove('A')), 'BCCBCC');
  const dh = new Scheduling('dh', [1, 5]);
  assert.equal(picks(dh), 'ABABAB');
  assert.equal(picks(dh.add(2)), 'ABCABC');
  assert.equal(picks(dh.weigh('A', 0)), '-BC-BC');
  assert.equal(picks(dh.load('B', { overloaded: true })), '--C--C');
  assert.equal(picks(dh.remove('B').remove('C')), '------');
});

test('an IPv6 address hashes as the exclusive or of its four words', () => {
  for (const [ipv6, folded] of [
    ['2001:db8::1', '32.1.13.185'],
    ['2001:db8:0:1:0:2:0:3', '32.1.13.184'],
    ['::5:0:0:0', '0.5.0.0'],
    ['2001:db8:2001:db8::', '0.0.0.0'],
  ] as const) {
    for (const profile of ['kernel', 'alibaba'] as const) {
      assert.equal(bucketOf(profile, ipv6), bucketOf(profile, folded), ipv6);
      const dh = new Scheduling('dh', Array(200).fill(1), { profile });
      assert.equal(dh.schedule({ from: ipv6, to: ipv6 }), dh.schedule({ to: folded }));
      const mh = new Scheduling('mh', [1, 1, 1], { profile, withPort: true });
      assert.equal(mh.schedule({ from: ipv6 }), mh.schedule({ from: folded }));
    }
  }
});
