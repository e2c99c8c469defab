// What is spoken over the connection does not matter: https, http2, keep-alive, cluster, a deferred accept. Picture: testbed.ts.

import assert from 'node:assert/strict';
import { tcpOption } from '../support/tcp-segment.js';
import { hostPort } from '../support/wire.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import type { ArrivingSegment } from './programs/arriving-segments.js';
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
  stopBalancer,
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

for (const { what, on } of [
  { what: 'gets a POST of 60 KB whole and knows the client', on: ['syn', 'ack'] },
  {
    what: 'is told the client by all that comes before its first byte, a frame of many segments too',
    on: ['ack'],
  },
] as const) {
  networkTest(`a listener that defers accept, offloads on, ${what}`, async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    const command = ['-e', deferringListener, process.execPath, program('server'), 'http', 'fd', ...locals];
    await server.start('perl', command).line(/^listening/);
    const looking = server.start(process.execPath, [program('arriving-segments'), 'eth0', '80']);
    await looking.line(/^ready/);
    const config = balancerConfig([80]);
    const services = config.services.map((service) => ({ ...service, toa: { on } }));
    const running = await startBalancer(balancer, { ...config, services });
    const sent = noise(60_000);
    const clients: { readonly address: string; readonly port: number }[] = [];
    for (const { url, client: address } of families) {
      // Without an Expect header the body follows the header at once.
      const options = ['-H', 'Expect:', '--data-binary', '@-', '--interface', address];
      const format = ['-o', '-', '-w', '%{stderr}%{local_port}'];
      const { stdout, stderr } = await curl(client, [...options, ...format, `http://${url}/`], sent);
      assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
      clients.push({ address, port: Number(stderr) });
      const { answer, own } = await get(client, `http://${url}/`);
      if (on.length === 2) assert.equal(answer.client, own);
    }
    const counters = await stopBalancer(running);
    assert.ok(counters['toa-added']! > 0);
    assert.deepEqual([counters['toa-refused-mtu'], counters['toa-refused-header-full']], [0, 0]);
    const arrived = JSON.parse((await looking.stop()).stdout.toString()) as ArrivingSegment[];
    for (const each of clients) assertTold(each, arrived);
  });
}

/** Of one client's segments those that arrived before it had a byte of the server carry the option, a large frame among them. */
function assertTold({ address, port }: { address: string; port: number }, arrived: ArrivingSegment[]): void {
  const option = Buffer.from(tcpOption.toa(hostPort(address, port))).toString('hex');
  // The local port is not the client's; but nobody else has its option.
  const { from } = arrived.find(({ options }) => options[0] === option) ?? assert.fail(`none of ${address}`);
  const segments = arrived.filter((segment) => segment.from === from && !segment.flags.includes('S'));
  const early = segments.filter(({ ack }) => ack === segments[0]!.ack);
  for (const segment of early) assert.equal(segment.options[0], option, JSON.stringify(segment));
  const isLarge = ({ payload, gsoSize }: ArrivingSegment) => gsoSize > 0 && payload > gsoSize;
  assert.ok(early.some(isLarge), `a frame of many segments before the first byte: ${JSON.stringify(early)}`);
  assert.ok(early.reduce((sum, { payload }) => sum + payload, 0) >= 60_000);
}
