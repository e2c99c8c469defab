/**
 * Random scripts of packets, pauses and changed weights through services of every mode and protocol at once, each step
 * compared with the slow model: the frames that come out, the connections, templates and loads, traffic and counters.
 * TOA_MODEL_RUNS: so many scripts for each family, of 40 to 100 steps, drawn anew; default: 60 that are always the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pair } from '../../model/pair.js';
import { LONGEST, OPENING, prelude, servicesFor, step } from '../../model/script.js';
import { NAT64, TOPOLOGIES } from '../../support/topology.js';

const RUNS = Number(process.env.TOA_MODEL_RUNS ?? 60);

const cases = [
  ...TOPOLOGIES.map((topology) => ({ name: `IPv${topology.family}`, topology })),
  { name: 'NAT64', topology: NAT64 },
];

/** Of what is rare in a script, but must come in all of them together. */
const SPECIAL = [
  'connections-reused',
  'connections-expired',
  'reset-on-expiry',
  'toa-added',
  'toa-stripped',
  'toa-refused-mtu',
  'mss-lowered',
  'proxy-header-sent',
  'proxy-header-resent',
  'proxy-header-given-up',
  'drop-no-local-port',
  'drop-no-real-server',
  'drop-no-service',
  'drop-stray',
  'drop-too-big',
  'drop-ttl-expired',
];
/** And of what only some modes know. */
const OF_MODES = ['connections-renewed', 'drop-server-side-taken', 'drop-server-quiesced', 'segments-made'];

for (const { name, topology } of cases) {
  test(`${name}: whatever happens, the balancer does what the slow model does, and keeps nothing in the end`, () => {
    const services = servicesFor(topology);
    const scripts = fc.array(step(services.length), { minLength: 40, maxLength: 100, size: 'max' });
    const met = new Set<string>();
    fc.assert(
      fc.property(fc.boolean(), scripts, (expireQuiescentTemplate, script) => {
        const pair = new Pair(topology, { expireQuiescentTemplate });
        for (const each of [...prelude(topology), ...script]) pair.take(each);
        pair.pause(LONGEST);
        assert.equal(pair.rig.balancer.connections.count, 0);
        for (const counter of pair.model.counters.keys()) met.add(counter);
        // All local ports are free again: three towards each of two real servers.
        pair.take({ kind: 'weights', service: 0, weights: [1, 1] });
        for (let port = 1; port <= 7; port++) {
          pair.take({ ...OPENING, client: 1 + (port >> 2), port: port & 3 || 9 });
        }
      }),
      {
        numRuns: RUNS,
        includeErrorInReport: true,
        ...(process.env.TOA_MODEL_RUNS === undefined && { seed: 4 }),
      },
    );
    const special = services.some(({ mode }) => mode === 'nat') ? [...SPECIAL, ...OF_MODES] : SPECIAL;
    for (const counter of special) assert.ok(met.has(counter), `${counter} was met`);
  });
}
