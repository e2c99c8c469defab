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
  const [, , table] = statisticsTable(rig.balancer.statistics.snapshot()).split('\n\n');
  assert.deepEqual(table?.split('\n'), [
    'SYN PROXY  MODE  NOW  HALF OPEN',
    'shielded   on    on           0',
    'careful    auto  on           3',
  ]);
  const plain = new Rig({ topology: IPV4 }).balancer.statistics.snapshot();
  assert.equal(statisticsTable(plain).split('\n\n').length, 2, 'and nothing where there is none');
});

test('however much has passed, the tables fit on 80 columns', () => {
  const { statistics } = new Rig({ topology: IPV4 }).balancer;
  const snapshot = statistics.snapshot();
  const shown = (count: number) => {
    const total = { ...snapshot.total };
    for (const name of ['connections', 'packetsIn', 'packetsOut', 'bytesIn', 'bytesOut'] as const)
      total[name] = count;
    const services = snapshot.services.map((service) => ({ ...service, traffic: total }));
    const lines = statisticsTable({ total, services }).split('\n');
    assert.ok(Math.max(...lines.map(({ length }) => length)) <= 80, lines.join('\n'));
    return /^total +(\S+) /m.exec(lines.join('\n'))![1];
  };
  const rows = [
    [99_999_999, '99999999'],
    [100_000_000, '100000K'],
    [123_456_789_012, '123456M'],
    [2 ** 53 - 1, '9007199G'],
  ] as const;
  for (const [count, text] of rows) assert.equal(shown(count), text);
});
