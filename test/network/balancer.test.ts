// Clients, the balancer and a Node server, each in a namespace: see testbed.ts for the picture.

import assert from 'node:assert/strict';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import {
  balancerConfig,
  buildTestbed,
  curl,
  families,
  get,
  noise,
  startBalancer,
  startServer,
  stopBalancer,
} from './testbed.js';

networkTest("curl's address and port cross the balancer, over IPv4 and IPv6", async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  await startBalancer(balancer, balancerConfig([80]));
  for (const { url, client: address, local } of families) {
    const { answer, own } = await get(client, `http://${url}/`, '--interface', address);
    assert.ok(own.includes(address));
    assert.equal(answer.client, own);
    assert.equal(answer.shown, own);
    assert.equal(answer.source, 'toa');
    assert.ok(answer.peer?.includes(local), `${answer.peer} is not the balancer's address`);
  }
});

networkTest("a server without toakit sees the balancer's address", async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80, []);
  await startBalancer(balancer, balancerConfig([80]));
  for (const { url, local } of families) {
    const { answer } = await get(client, `http://${url}/`);
    assert.ok(answer.shown.includes(local), `${answer.shown} is not the balancer's address`);
  }
});

networkTest('10 MB go each way and come back as they were', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  await startBalancer(balancer, balancerConfig([80]));
  const sent = noise(10_000_000);
  for (const { url } of families) {
    const { stdout } = await curl(client, ['--data-binary', '@-', `http://${url}/`], sent);
    assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
  }
});

networkTest(
  '10 MB go each way also where both ends compute checksums and segments themselves',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    for (const end of [client, server])
      end.offloads('eth0', { tx: false, tso: false, gso: false, gro: false });
    await startServer(server, 'http', 80);
    await startBalancer(balancer, balancerConfig([80]));
    const sent = noise(10_000_000);
    for (const { url } of families) {
      const { stdout } = await curl(client, ['--data-binary', '@-', `http://${url}/`], sent);
      assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
    }
  },
);

networkTest('200 connections that are open at once are each known by their own address', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  const running = await startBalancer(balancer, balancerConfig([80]));
  for (const { vip, family } of families) {
    const addresses = [7, 8, 9].map((host) => (family === 4 ? `203.0.113.${host}` : `2001:db8::${host}`));
    const output = client.execute(
      process.execPath,
      program('parallel-clients'),
      vip,
      '80',
      '200',
      ...addresses,
    );
    assert.deepEqual(JSON.parse(output), { open: 200, matching: 200, mismatches: [] });
  }
  await stopBalancer(running);
});
