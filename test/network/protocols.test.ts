// What is spoken over the connection does not matter: https, http2, keep-alive, cluster, a deferred accept. Picture: testbed.ts.

import assert from 'node:assert/strict';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import {
  type Answer,
  balancerConfig,
  buildTestbed,
  curl,
  families,
  get,
  locals,
  noise,
  startBalancer,
  startServer,
} from './testbed.js';

for (const [kind, options] of [
  ['https', ['--http1.1']],
  ['http2', ['--http2']],
] as const) {
  networkTest(`an ${kind} server knows its clients`, async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, kind, 443);
    await startBalancer(balancer, balancerConfig([443]));
    for (const { url, client: address } of families) {
      const { answer, own } = await get(client, `https://${url}/`, '--interface', address, ...options);
      assert.equal(answer.client, own);
      assert.equal(answer.shown, own);
    }
  });
}

networkTest(
  'every request of a connection that is kept alive comes from the same client',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, 'http', 80);
    await startBalancer(balancer, balancerConfig([80]));
    for (const { url } of families) {
      const requests = Array.from({ length: 3 }, () => `http://${url}/`);
      const { stdout } = await curl(client, ['-w', '\n%{num_connects} %{local_port}\n', ...requests]);
      const lines = stdout.toString().trimEnd().split('\n');
      const answers = [0, 2, 4].map((line) => JSON.parse(lines[line] ?? '') as Answer);
      assert.deepEqual(
        [1, 3, 5].map((line) => lines[line]?.split(' ')[0]),
        ['1', '0', '0'],
      );
      for (const answer of answers) assert.ok(answer.client?.endsWith(`:${lines[1]?.split(' ')[1]}`));
    }
  },
);

networkTest('the workers of a cluster know their clients', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'cluster', 80);
  await startBalancer(balancer, balancerConfig([80]));
  const pids = new Set<number>();
  for (const { url } of [...families, ...families]) {
    const { answer, own } = await get(client, `http://${url}/`);
    assert.equal(answer.client, own);
    assert.equal(answer.shown, own);
    pids.add(answer.pid);
  }
  assert.equal(pids.size, 2);
});

// TCP_DEFER_ACCEPT (option 9 of level 6) makes the kernel drop the bare ACK: the option must be in the first data too, which is a GSO frame.
const deferringListener = `
  use Socket; use POSIX ();
  $^F = 3;
  socket(my $listener, Socket::AF_INET6, SOCK_STREAM, 0) or die $!;
  setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1) or die $!;
  setsockopt($listener, 6, 9, 5) or die $!;
  bind($listener, Socket::pack_sockaddr_in6(80, Socket::IN6ADDR_ANY)) or die $!;
  listen($listener, 128) or die $!;
  POSIX::dup2(fileno($listener), 3) or die $!;
  exec @ARGV or die $!;`;

networkTest('a listener that defers accept gets a POST of 60 KB whole, offloads on', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  const command = ['-e', deferringListener, process.execPath, program('server'), 'http', 'fd', ...locals];
  await server.start('perl', command).line(/^listening/);
  await startBalancer(balancer, balancerConfig([80]));
  const sent = noise(60_000);
  for (const { url } of families) {
    // Without an Expect header the body follows the header at once.
    const { stdout } = await curl(client, ['-H', 'Expect:', '--data-binary', '@-', `http://${url}/`], sent);
    assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
    const { answer, own } = await get(client, `http://${url}/`);
    assert.equal(answer.client, own);
  }
});
