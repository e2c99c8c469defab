// The host must not handle what is the balancer's. There is no balancer here: what is answered, the host answers.
//
//   client 192.0.2.1 ──── eth0 192.0.2.2 host 198.51.100.2 eth1 ──── 198.51.100.1 behind
//          2001:db8:1::1       2001:db8:1::2   2001:db8:2::2              2001:db8:2::1
//
// The host owns the VIPs 192.0.2.80 on lo and 2001:db8:1::80 on eth0 (the kernel solicits and answers neighbors per
// interface), and forwards.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import { runCommand } from '../../lib/daemon/command.js';
import type { AnswerSource } from '../../lib/daemon/shielded.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';

const vips = ['192.0.2.80', '2001:db8:1::80'];
const own = ['192.0.2.2', '2001:db8:1::2'];

function build(network: Network) {
  const client = network.namespace('client');
  const host = network.namespace('host');
  const behind = network.namespace('behind');
  network.cable(
    { namespace: client, device: 'eth0', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] },
    { namespace: host, device: 'eth0', addresses: ['192.0.2.2/24', '2001:db8:1::2/64'] },
  );
  network.cable(
    { namespace: host, device: 'eth1', addresses: ['198.51.100.2/24', '2001:db8:2::2/64'] },
    { namespace: behind, device: 'eth0', addresses: ['198.51.100.1/24', '2001:db8:2::1/64'] },
  );
  host.address('lo', '192.0.2.80/32');
  host.address('eth0', '2001:db8:1::80/128');
  host.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
  client.route('198.51.100.0/24', { via: '192.0.2.2' });
  client.route('2001:db8:2::/64', { via: '2001:db8:1::2' });
  behind.route('192.0.2.0/24', { via: '198.51.100.2' });
  behind.route('2001:db8:1::/64', { via: '2001:db8:2::2' });
  return { client, host, behind };
}

/** Which of the addresses refuse a connection from the client. */
function refusals(client: Namespace, addresses: readonly string[], witness = '192.0.2.2'): string[] {
  // What an earlier attempt still waits for would delay this one.
  client.ip('neighbor', 'flush', 'dev', 'eth0', 'nud', 'all');
  const targets = [...addresses, witness].map((address) => `${address},9`);
  const output = client.execute(process.execPath, program('refusals'), ...targets);
  return (JSON.parse(output) as string[]).map((target) => target.split(',')[0] ?? '').sort();
}

const everything = [...vips, ...own, '198.51.100.1', '2001:db8:2::1'].sort();

function shield(
  host: Namespace,
  interfaces: string,
  addresses: string,
  { answers = [], env = {} }: { answers?: readonly AnswerSource[]; env?: NodeJS.ProcessEnv } = {},
) {
  const shielded = JSON.stringify({ addresses: addresses.split(',').filter(Boolean), answers });
  return host.start(process.execPath, [program('holds-a-shield'), interfaces, shielded], env);
}

networkTest(
  'without a shield the host answers for its VIP and forwards, with one it does neither, afterwards it does again',
  async (network) => {
    const { client, host } = build(network);
    assert.deepEqual(refusals(client, everything), everything);

    const hidden = [...vips, '198.51.100.1', '2001:db8:2::1'];
    const holder = shield(host, 'eth0', hidden.join(','));
    assert.match(await holder.line(/^(shield|refused)/), /^shield toakit_\d+_\d+$/);
    assert.deepEqual(refusals(client, everything), own);

    assert.equal((await holder.stop()).code, 0);
    assert.deepEqual(refusals(client, everything), everything);
    assert.equal(host.execute('nft', 'list', 'ruleset'), '');
  },
);

networkTest('a shielded host does not answer ARP or neighbor solicitations for the VIP', async (network) => {
  const { client, host } = build(network);
  await shield(host, 'eth0', vips.join(',')).line(/^shield/);
  refusals(client, vips);
  const neighbors = JSON.parse(client.ip('-j', 'neighbor', 'show', 'dev', 'eth0')) as {
    dst: string;
    lladdr?: string;
  }[];
  const known = neighbors.filter(({ lladdr }) => lladdr !== undefined).map(({ dst }) => dst);
  assert.ok(known.includes('192.0.2.2'));
  for (const vip of vips) assert.ok(!known.includes(vip), `the client knows a MAC address for ${vip}`);
});

networkTest(
  'the shield of a balancer that crashed stays up, and the next balancer replaces it',
  async (network) => {
    const { client, host } = build(network);
    const crashed = shield(host, 'eth0', vips.join(','));
    const stale = (await crashed.line(/^shield/)).split(' ')[1] ?? '';
    await crashed.stop('SIGKILL');
    assert.deepEqual(
      refusals(client, everything),
      everything.filter((each) => !vips.includes(each)),
    );

    const next = shield(host, 'eth0', '192.0.2.80');
    const table = (await next.line(/^shield/)).split(' ')[1] ?? '';
    assert.deepEqual(host.execute('nft', 'list', 'tables').trim().split('\n'), [`table netdev ${table}`]);
    assert.notEqual(table, stale);
    assert.deepEqual(refusals(client, vips), ['192.0.2.2', '2001:db8:1::80']);
  },
);

networkTest('the shields of two balancers that live side by side leave each other alone', async (network) => {
  const { client, host } = build(network);
  await shield(host, 'eth0,eth1', '192.0.2.80').line(/^shield/);
  await shield(host, 'eth0', '2001:db8:1::80').line(/^shield/);
  assert.deepEqual(refusals(client, vips), ['192.0.2.2']);
});

networkTest(
  'CIDRs are shielded with all their addresses, those within another too, and nothing beside them',
  async (network) => {
    const { client, host } = build(network);
    const blocks = [
      '192.0.2.64/27',
      '192.0.2.80',
      '2001:db8:1::40/122',
      '2001:db8:1::80/121',
      '198.51.100.1',
    ];
    await shield(host, 'eth0', blocks.join(',')).line(/^shield/);
    assert.deepEqual(refusals(client, everything), [...own, '2001:db8:2::1'].sort());
    const neighbors = JSON.parse(client.ip('-j', 'neighbor', 'show', 'dev', 'eth0')) as {
      dst: string;
      lladdr?: string;
    }[];
    const known = neighbors.filter(({ lladdr }) => lladdr !== undefined).map(({ dst }) => dst);
    for (const vip of vips) assert.ok(!known.includes(vip), `the client knows a MAC address for ${vip}`);
  },
);

networkTest(
  "what NAT's real servers answer to clients is not forwarded, what they answer to the host is heard",
  async (network) => {
    const { client, host, behind } = build(network);
    const ports = [{ first: 9, last: 9 }];
    const targets = ['198.51.100.1', '2001:db8:2::1'];
    assert.deepEqual(refusals(client, targets), ['192.0.2.2', ...targets].sort());

    const answers = targets.map((address) => ({ protocol: 'tcp', address, ports }) as const);
    await shield(host, 'eth0,eth1', '', { answers }).line(/^shield/);
    assert.deepEqual(refusals(client, targets), ['192.0.2.2']);
    const other = behind.execute(process.execPath, program('refusals'), '192.0.2.1,9', '2001:db8:1::1,9');
    assert.equal((JSON.parse(other) as string[]).length, 2, 'their own connections are forwarded');
    const heard = host.execute(process.execPath, program('refusals'), ...targets.map((each) => `${each},9`));
    assert.equal((JSON.parse(heard) as string[]).length, 2, 'the host is answered');
  },
);

/** A folder to be the PATH of a machine where nftables is not installed. */
function pathWithoutNft(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'toa-path-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const command of ['ip', 'setpriv']) {
    symlinkSync(runCommand('sh', ['-c', `command -v ${command}`]).trim(), join(folder, command));
  }
  return folder;
}

const verdict = (host: Namespace, addresses: string, PATH: string) =>
  shield(host, 'eth0', addresses, { env: { PATH } }).line(/^(shield|refused)/);

networkTest(
  'without nftables, a host that owns an address of the balancer or would forward refuses to start and says why',
  async (network, t) => {
    const { host } = build(network);
    const path = pathWithoutNft(t);
    const stop =
      'install nftables and run as root, or take the addresses off the host and switch forwarding off';

    const all = await verdict(host, '192.0.2.80,192.0.2.81,2001:db8:1::80', path);
    assert.match(all, /the host owns 192\.0\.2\.80 and would answer for it/);
    assert.match(all, /the host owns 2001:db8:1::80/);
    assert.doesNotMatch(all, /192\.0\.2\.81/);
    assert.match(all, /forwards packets \(net\.ipv4\.conf\.eth0\.forwarding is 1\)/);
    assert.match(all, /forwards packets \(net\.ipv6\.conf\.all\.forwarding is 1\)/);
    assert.match(all, /the command `nft` is missing/);
    assert.ok(all.includes(stop), all);

    host.sysctl({ 'net/ipv4/ip_forward': 0 });
    assert.match(await verdict(host, '192.0.2.80', path), /^refused.*owns 192\.0\.2\.80/);
    assert.equal(await verdict(host, '192.0.2.81', path), 'shield undefined');
    assert.match(await verdict(host, '2001:db8:1::81', path), /^refused.*net\.ipv6\.conf\.all\.forwarding/);
    host.sysctl({ 'net/ipv6/conf/all/forwarding': 0 });
    assert.equal(await verdict(host, '192.0.2.81,2001:db8:1::81', path), 'shield undefined');
    host.ip('route', 'add', 'local', '192.0.2.80/28', 'dev', 'lo');
    assert.match(await verdict(host, '192.0.2.81', path), /^refused.*owns 192\.0\.2\.81/);
    assert.match(await verdict(host, '192.0.2.64/27', path), /^refused.*owns 192\.0\.2\.80 /);
    assert.equal(await verdict(host, '192.0.2.96/27', path), 'shield undefined');
  },
);
