/**
 * Long random scripts on one balancer, without the slow model: when all is over nothing must be left of them.
 * TOA_MODEL_RUNS: so many scripts for each family, of 1700 steps, drawn anew.
 */
import { test } from 'node:test';
import fc from 'fast-check';
import { OPEN, proxiedServicesFor, servicesFor, step } from '../../model/script.js';
import { Solo } from '../../model/solo.js';
import { draws } from '../../support/draws.js';
import { Leftovers } from '../../support/leftovers.js';
import { IPV4, IPV6, NAT64 } from '../../support/topology.js';

/** For each of six balancers: more than 100 000 steps in all. */
const SCRIPTS = 10;
const STEPS = 1700;

const cases = [
  { name: 'IPv4', topology: IPV4 },
  { name: 'IPv6', topology: IPV6 },
  { name: 'NAT64', topology: NAT64 },
].flatMap(({ name, topology }) => [
  { name, topology, services: servicesFor(topology) },
  { name: `SYN proxy, ${name}`, topology, services: proxiedServicesFor(topology) },
]);

for (const { name, topology, services } of cases) {
  test(`${name}: however much has happened, no connection, load, buffer or local port is left of it`, () => {
    const solo = new Solo(topology, services);
    const leftovers = new Leftovers(solo.rig, solo.services);
    const script = fc.array(step(services.length), { minLength: STEPS, maxLength: STEPS, size: 'max' });
    for (const steps of fc.sample(script, draws(SCRIPTS))) {
      for (const each of steps) solo.take(each);
      leftovers.assertNone();
    }
    for (const service of services.keys()) solo.take({ ...OPEN, kind: 'settings', service });
    leftovers.assertAllFree();
  });
}
