import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WAYS } from '../../bench/core/ways.js';
import { toJson } from '../../bench/output/json.js';
import { toMarkdown } from '../../bench/output/markdown.js';
import { toText } from '../../bench/output/text.js';
import type { Results } from '../../bench/results.js';
import { mapValues } from '../../bench/support/map-values.js';
import { judge } from '../../bench/targets.js';
import { toJson as toJsonLine } from '../../cli/output/streams.js';
import { readOneJson } from '../cli/json.js';

const about = (median: number) => ({ median, min: median * 0.9, max: median * 1.1 });

const peer = (speed: number) => ({
  connectionsPerSecond: about(10_000 * speed),
  gbitPerSecond: about(10 * speed),
  p50: about(100 / speed),
  p99: about(200 / speed),
});

const underFlood = (synAcksPerSecond: number) => ({
  synAcksPerSecond: about(synAcksPerSecond),
  unanswered: about(0.25),
  p99Quiet: about(3),
  p99Paced: about(20),
  p99Unpaced: about(1000),
  failedPaced: about(0),
  failedUnpaced: about(0.01),
  droppedUnpaced: about(0.5),
});

const results: Results = {
  machine: { cpu: 'A', cores: 2, memoryGiB: 4, kernel: 'Linux', node: 'v20', tools: { nft: '1' } },
  date: '2026-01-01T00:00',
  rounds: 5,
  seconds: 3,
  balancer: {
    toakit: { ...peer(1), packetsPerSecond: about(300_000) },
    nftables: { ...peer(1.25), packetsPerSecond: about(300_000) },
    haproxy: peer(0.5),
    ceiling: { ...peer(1), packetsPerSecond: about(400_000) },
  },
  core: {
    fullnat: { 16: about(90), 4096: about(110), 65536: about(130) },
    fullnat6: { 16: about(90), 4096: about(110), 65536: about(130) },
    nat64: { 4096: about(130) },
    nat: { 4096: about(100) },
    nat6: { 4096: about(100) },
    dr: { 4096: about(80) },
    dr6: { 4096: about(80) },
    tun: { 4096: about(110) },
    tun6: { 4096: about(110) },
    dualStack: { 4096: about(120) },
    naive: { 4096: about(1100) },
    heapGrowth: { ...mapValues(WAYS, () => ({ 4096: about(0) })), tun: { 4096: about(2_000_000) } },
    table: {
      opening: { 1024: about(600), 1048576: about(800) },
      finding: { 1024: about(100), 1048576: about(300) },
      expiring: { 1024: about(100), 1048576: about(200) },
      memory: { 1024: about(5000), 1048576: about(250) },
    },
  },
  receiver: {
    connectionsPerSecond: { plain: about(10_000), attached: about(9_800) },
    calls: { getClientAddress: about(20), recover: about(3000), remoteAddress: about(1500) },
  },
  watch: { offered: about(100_000), lost: about(0), cpu: about(4) },
  synProxy: {
    rounds: 1,
    nanoseconds: { 'syn 4': about(390), 'syn 6': about(700), 'ack 4': about(390), 'ack 6': about(590) },
    heapGrowth: { 'syn 4': about(0), 'syn 6': about(0), 'ack 4': about(0), 'ack 6': about(0) },
    flood: { toakit: underFlood(300_000), nftables: underFlood(250_000) },
    throughput: {
      plain: { upload: about(10), download: about(10) },
      proxied: { upload: about(9.5), download: about(8.9) },
    },
    randomAcks: { sent: 100_000_000, passed: 57, expected: 55.9 },
  },
};

test('the JSON has the medians by suite and peer, null where a peer cannot do it', () => {
  const { balancer, core, receiver } = toJson(results) as {
    balancer: Record<string, Record<string, number | null>>;
    core: { fullnat: Record<string, number> };
    receiver: { connectionsRatio: number };
  };
  const figures = {
    connectionsPerSecond: 5000,
    gbitPerSecond: 5,
    packetsPerSecond: null,
    p50: 200,
    p99: 400,
  };
  assert.deepEqual(balancer.haproxy, figures);
  assert.deepEqual(core.fullnat, { 16: 90, 4096: 110, 65536: 130 });
  assert.equal(receiver.connectionsRatio, 0.98);
});

test('the JSON goes by its schema, whichever suites were run', () => {
  const { balancer, core, receiver, watch, synProxy, ...about } = results;
  for (const some of [results, { balancer }, { core }, { receiver }, { watch }, { synProxy }, {}].map(
    (suites) => ({
      ...about,
      ...suites,
    }),
  ))
    readOneJson('bench', `${toJsonLine('bench/1', toJson(some as Results))}\n`);
});

test('the JSON leaves out suites that were not run', () => {
  const { balancer, core, ...rest } = results;
  assert.deepEqual(Object.keys(toJson(rest)).includes('balancer'), false);
  assert.ok('receiver' in toJson(rest));
});

test('targets are computed from the medians, in both directions', () => {
  const verdicts = judge(results).map(({ what, met }) => [what, met]);
  assert.deepEqual(verdicts, [
    ["connectionsPerSecond by the ceiling's", true],
    ["packetsPerSecond by the ceiling's", false],
    ["connectionsPerSecond by nftables's", false],
    ["packetsPerSecond by nftables's", true],
    ["gbitPerSecond by nftables's", true],
    ["gbitPerSecond by haproxy's", true],
    ["p50 by nftables's", true],
    ["p99 by nftables's", true],
    ['process() with 4096 connections, FULLNAT, IPv4, ns', true],
    ['process() with 4096 connections, FULLNAT, IPv6, ns', true],
    ['process() with 4096 connections, FULLNAT, IPv6 to IPv4, ns', false],
    ['process() with 4096 connections, NAT, IPv4, ns', true],
    ['process() with 4096 connections, NAT, IPv6, ns', true],
    ['process() with 4096 connections, DR, IPv4, ns', true],
    ['process() with 4096 connections, DR, IPv6, ns', true],
    ['process() with 4096 connections, TUN, IPv4 in IPv4, ns', true],
    ['process() with 4096 connections, TUN, IPv6 in IPv6, ns', true],
    ['memory of 1048576 connections, MB', true],
    ['heap growth per packet, the worst way, bytes', false],
    ['packets/s offered to toa watch', true],
    ['packets that toa watch loses at 100,000 per second, parts', true],
    ['processor time of toa watch per packet, µs', true],
    ['connections/s with attach() by those without', true],
    ['process() with a SYN, IPv4, ns', true],
    ['process() with a SYN, IPv6, ns', false],
    ['process() with an ACK of no cookie, IPv4, ns', true],
    ['process() with an ACK of no cookie, IPv6, ns', true],
    ['heap growth per segment of a flood, bytes', true],
    ['clients that fail in the paced flood, parts', true],
    ['Gbit/s with SYN proxy by those without, the worse way', false],
    ['random ACKs beyond Poisson limits (1e-6)', true],
  ]);
});

test('a target that needs a suite that was not run is not judged', () => {
  const { balancer, receiver, watch, synProxy, ...coreOnly } = results;
  assert.equal(judge(coreOnly).length, 11);
});

test('the table and the file for people show the median with its spread', () => {
  assert.match(toText(results), /medians of 5 rounds of 3 s \(SYN proxy: 1\), least/);
  assert.match(toText(results), /^random ACKs that pass of 100,000,000 +57, expected 55\.9$/m);
  assert.match(toText(results), /^SYN-ACKs\/s +300,000 \(270,000–330,000\) +250,000 \(/m);
  assert.match(toText(results), /^clients that failed in it, % +0\.0 +0\.0$/m);
  assert.match(toText(results), /^toakit +10,000 \(9,000–11,000\) +10\.0 \(9\.0–11\.0\)/m);
  const [, heap = ''] = toText(results).split('bytes that the heap grows by');
  assert.match(heap, /^TUN, IPv4 in IPv4 .* 2,000,000 \(1,800,000–2,200,000\)/m);
  assert.match(toMarkdown(results), /^\| haproxy +\| +5,000 \(4,500–5,500\) \|.*\| +– \|/m);
  assert.match(toMarkdown(results), /^\| .*ceiling's +\| +at least 0\.9 \| +0\.75 \| missed \|$/m);
});
