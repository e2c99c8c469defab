import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statisticsTable } from '../../cli/output/statistics.js';
import { Flow } from '../support/flow.js';
import { Rig } from '../support/rig.js';
import { IPV4 } from '../support/topology.js';

test('the statistics tell of SYN proxies where some service may have one: what is set, what is on, how much is half open', () => {
  const rig = new Rig({
    topology: IPV4,
    services: [
      { name: 'plain', port: 80 },
      { name: 'shielded', port: 81, synProxy: {} },
      { name: 'careful', port: 82, synProxy: { mode: 'auto', halfOpenHigh: 2 } },
    ],
  });
  for (let port = 1; port <= 4; port++) {
    for (const servicePort of [80, 81, 82]) {
      rig.send(...new Flow(rig, { port, servicePort }).client({ flags: 'S' }));
    }
  }
  const [, table] = statisticsTable(rig.balancer.statistics.snapshot()).split('\n\n');
  assert.deepEqual(table?.split('\n'), [
    'SYN PROXY  MODE  NOW  HALF OPEN',
    'shielded   on    on           0',
    'careful    auto  on           3',
  ]);
  const plain = new Rig({ topology: IPV4 }).balancer.statistics.snapshot();
  assert.equal(statisticsTable(plain).split('\n\n').length, 1, 'and nothing where there is none');
});
