// IPv6 clients of an IPv4 server, by FULLNAT: see testbed.ts for the picture; nothing on the server's side is IPv6.

import assert from 'node:assert/strict';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import { buildTestbed, curl, get, nat64Config, noise, startBalancer, startServer } from './testbed.js';

const url = 'http://[2001:db8::80]/';

networkTest('NAT64: an IPv4 server knows its IPv6 clients by their addresses', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  await startBalancer(balancer, nat64Config());
  for (const address of ['2001:db8::7', '2001:db8::8']) {
    const { answer, own } = await get(client, url, '--interface', address);
    assert.ok(own.includes(address));
    assert.equal(answer.client, own);
    assert.equal(answer.shown, own);
    assert.equal(answer.source, 'toa');
    assert.match(answer.peer ?? '', /^10\.0\.0\.1:/);
  }
});

for (const [how, offloads] of [
  ['', undefined],
  [
    ', also where both ends compute checksums and segments themselves',
    { tx: false, tso: false, gso: false, gro: false },
  ],
] as const) {
  networkTest(`NAT64: 10 MB go each way and come back as they were${how}`, async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    if (offloads !== undefined) for (const end of [client, server]) end.offloads('eth0', offloads);
    await startServer(server, 'http', 80);
    await startBalancer(balancer, nat64Config());
    const sent = noise(10_000_000);
    const { stdout } = await curl(client, ['--data-binary', '@-', url], sent);
    assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
  });
}

networkTest(
  'NAT64: 200 connections that are open at once are each known by their own address',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, 'http', 80);
    await startBalancer(balancer, nat64Config());
    const addresses = [7, 8, 9].map((host) => `2001:db8::${host}`);
    const args = [program('parallel-clients'), '2001:db8::80', '80', '200', ...addresses];
    const output = client.execute(process.execPath, ...args);
    assert.deepEqual(JSON.parse(output), { open: 200, matching: 200, mismatches: [] });
  },
);
