// The builder that everything else in this directory stands on.
//
//   client 192.0.2.1 ──── 192.0.2.2 router 198.51.100.2 ──── 198.51.100.1 server
//          2001:db8:1::1  2001:db8:1::2    2001:db8:2::2     2001:db8:2::1

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { Network } from '../../cli/namespaces/network.js';
import { RunningProcess } from '../../cli/namespaces/process.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';

const left = () => readdirSync('/run/netns').filter((name) => name.startsWith(`toa-${process.pid}-`));
const holdsANetwork = program('holds-a-network');

networkTest('two namespaces reach each other over a third, by IPv4 and IPv6', (network) => {
  const client = network.namespace('client');
  const router = network.namespace('router');
  const server = network.namespace('server');
  network.cable(
    { namespace: client, device: 'eth0', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] },
    { namespace: router, device: 'left', addresses: ['192.0.2.2/24', '2001:db8:1::2/64'] },
  );
  network.cable(
    { namespace: router, device: 'right', addresses: ['198.51.100.2/24', '2001:db8:2::2/64'] },
    { namespace: server, device: 'eth0', addresses: ['198.51.100.1/24', '2001:db8:2::1/64'] },
  );
  router.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
  for (const [namespace, v4, v6] of [
    [client, '192.0.2.2', '2001:db8:1::2'],
    [server, '198.51.100.2', '2001:db8:2::2'],
  ] as const) {
    namespace.route('0.0.0.0/0', { via: v4 });
    namespace.route('::/0', { via: v6 });
  }
  const serve = server.start(process.execPath, [
    '-e',
    "require('net').createServer((s) => s.end()).listen(80, '::')",
  ]);
  for (const host of ['198.51.100.1', '2001:db8:2::1']) {
    const connect = `const retry = () => require('net').connect(80, '${host}').on('error', () => setTimeout(retry, 20)).resume(); retry()`;
    client.execute(process.execPath, '-e', connect);
  }
  assert.equal(serve.child.exitCode, null);
});

networkTest('disposing of a network ends its processes and removes its namespaces', async () => {
  const network = new Network();
  const sleeper = network.namespace('only').start('sleep', ['1000']);
  network.dispose();
  assert.equal((await sleeper.finished()).signal, 'SIGKILL');
  assert.deepEqual(left(), []);
  network.dispose();
});

networkTest('a command that fails says which one, how it ended and what it wrote', (network) => {
  const namespace = network.namespace('only');
  assert.throws(() => namespace.ip('link', 'set', 'nowhere', 'up'), {
    code: 'ERR_TOA_COMMAND',
    message: /`ip -n toa-\d+-\d+-only link set nowhere up` failed with exit status 1: Cannot find device/,
  });
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  networkTest(`a program that gets ${signal} removes its network and exits with ${code}`, async () => {
    const program = new RunningProcess(process.execPath, [holdsANetwork]);
    const name = (await program.line(/^toa-/)).trim();
    assert.ok(existsSync(`/run/netns/${name}`));
    assert.equal((await program.stop(signal)).code, code);
    assert.ok(!existsSync(`/run/netns/${name}`));
  });
}

networkTest(
  'the network of a program that was killed is removed by the next one, and its processes die with it',
  async () => {
    const program = new RunningProcess(process.execPath, [holdsANetwork]);
    const name = (await program.line(/^toa-/)).trim();
    const sleeper = Number(/\d+/.exec(await program.line(/^sleeper/)));
    await program.stop('SIGKILL');
    assert.ok(existsSync(`/run/netns/${name}`));
    new Network().dispose();
    assert.ok(!existsSync(`/run/netns/${name}`));
    while (existsSync(`/proc/${sleeper}`)) await new Promise((resolve) => setTimeout(resolve, 10));
  },
);
