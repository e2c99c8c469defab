import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isSupported } from '../../cli/doctor/checks/node.js';
import { featureState } from '../../cli/doctor/checks/offloads.js';
import { otherModules } from '../../cli/doctor/checks/other-modules.js';
import { type Diagnosis, diagnose } from '../../cli/doctor/diagnose.js';
import { parseListeners } from '../../cli/doctor/listeners.js';
import { version } from '../../cli/manifest.js';
import { System } from '../../cli/module/system.js';
import { networkTest } from '../network/network-test.js';
import { skipOrFail } from '../support/require.js';
import { readOneJson } from './json.js';
import { madeSystem } from './made-system.js';
import { main, toa } from './toa.js';

const kernel = '6.1.0-56-amd64';

interface Report {
  ok: boolean;
  checks: Diagnosis[];
}

const read = (stdout: string) => readOneJson<Report>('doctor', stdout);

/** What doctor says of the recorded system, with other files than it had. */
function examine(
  t: TestContext,
  files: Record<string, string>,
  ...more: string[]
): Report & { status: number } {
  const root = madeSystem(t, files, 'test/cli/recorded');
  const { status, stdout, stderr } = toa(['doctor', '--json', '--root', root, '-k', kernel, ...more]);
  assert.equal(stderr, '');
  return { ...read(stdout), status: status as number };
}

const installed = { [`/lib/modules/${kernel}/modules.dep`]: 'updates/dkms/toa.ko.xz:\n' };
const settings = { '/etc/sysctl.d/60-toa.conf': 'net.toa.trusted = 10.9.1.0/24\n' };
const unloaded = { '/proc/modules': 'veth 36864 0 - Live 0x0\n' };
const trusted = '/proc/sys/net/toa/trusted';
const deferring = (count: number) => ({
  '/proc/net/netstat': `TcpExt: SyncookiesSent TCPDeferAcceptDrop\nTcpExt: 0 ${count}\nIpExt: InNoRoutes\nIpExt: 0\n`,
});
const flags = (name: string, value: string) => ({ [`/sys/class/net/${name}/flags`]: `${value}\n` });

test('a system in order has no warnings but those that it deserves, exit 0', (t) => {
  const { ok, status, checks } = examine(t, { ...installed, ...settings });
  assert.deepEqual([ok, status], [true, 0]);
  const states = Object.fromEntries(checks.map(({ check, state }) => [check, state]));
  assert.deepEqual(states, {
    platform: 'ok',
    'Node.js': 'ok',
    addon: 'ok',
    permissions: 'ok',
    kernel: 'ok',
    module: 'ok',
    trust: 'ok',
    'other modules': 'ok',
    DKMS: 'warning',
    'Secure Boot': 'ok',
    'SYN cookies': 'ok',
    'deferred accept': 'unknown',
    'IPv6 clients': 'warning',
    'MTU and MSS': 'ok',
    offloads: 'unknown',
    cgroup: 'ok',
  });
  for (const { state, finding, remedy } of checks) {
    assert.doesNotMatch(finding + remedy, /\n/);
    assert.equal(remedy === null, state === 'ok');
  }
});

const rows: {
  what: string;
  files?: Record<string, string>;
  more?: string[];
  check: string;
  state: string;
  finding: RegExp;
  remedy?: RegExp;
}[] = [
  {
    what: 'a process without capabilities',
    files: { '/proc/self/status': 'Name:\tnode\nCapEff:\t0000000000080000\n' },
    check: 'permissions',
    state: 'warning',
    finding:
      /^without CAP_NET_ADMIN \(.*\), CAP_NET_RAW \(.*\), CAP_SYS_MODULE \([^)]*\); servers need none$/,
    remedy: /sudo/,
  },
  {
    what: 'capabilities that nobody tells',
    files: { '/proc/self/status': '' },
    check: 'permissions',
    state: 'unknown',
    finding: /status/,
    remedy: /mount/,
  },
  {
    what: 'an old kernel',
    more: ['-k', '4.19.0-27-amd64'],
    check: 'kernel',
    state: 'warning',
    finding: /5\.10/,
  },
  {
    what: 'a kernel for real-time tasks',
    files: { '/sys/kernel/realtime': '1\n' },
    check: 'kernel',
    state: 'failure',
    finding: /PREEMPT_RT/,
  },
  {
    what: 'a kernel without headers, and nothing to build with',
    files: { '/etc/os-release': 'ID=debian\n' },
    check: 'kernel',
    state: 'warning',
    finding: /lacks DKMS, make, the headers/,
    remedy: new RegExp(`^apt-get install dkms make linux-headers-${kernel}$`),
  },
  {
    what: 'a kernel that modules can be built for',
    files: { '/usr/sbin/dkms': '', '/usr/bin/make': '', [`/lib/modules/${kernel}/build/Makefile`]: '' },
    check: 'kernel',
    state: 'warning',
    finding: /lacks DKMS, make$/, // neither is executable
  },
  {
    what: 'a module that is installed and not loaded',
    files: { ...installed, ...unloaded },
    check: 'module',
    state: 'warning',
    finding: /^installed, but not loaded$/,
    remedy: /^sudo toa module load$/,
  },
  {
    what: 'no module',
    files: unloaded,
    check: 'module',
    state: 'warning',
    finding: /not installed/,
    remedy: /toa module install --trusted/,
  },
  {
    what: 'a module that is switched off',
    files: { '/proc/sys/net/toa/enabled': '0\n' },
    check: 'module',
    state: 'warning',
    finding: /disabled/,
    remedy: /net\.toa\.enabled=1/,
  },
  {
    what: 'a module of another version',
    files: { '/sys/module/toa/version': '0.0.1\n' },
    check: 'module',
    state: 'warning',
    finding: new RegExp(`^toa 0\\.0\\.1 is loaded, this toakit has ${version}$`),
  },
  {
    what: 'a module of this version that reads SYNs',
    files: { '/sys/module/toa/version': `${version}\n`, '/proc/sys/net/toa/syn': '1\n' },
    check: 'module',
    state: 'ok',
    finding: /formats toa-v4,toa-v6; reads SYNs$/,
  },
  {
    what: 'nobody who is trusted',
    files: { [trusted]: '\n' },
    check: 'trust',
    state: 'failure',
    finding: /nobody/,
  },
  {
    what: 'everybody trusted',
    files: { [trusted]: '10.0.0.0/8,::/0\n' },
    check: 'trust',
    state: 'warning',
    finding: /believes everybody/,
  },
  {
    what: 'trust that ends at the next boot',
    check: 'trust',
    state: 'warning',
    finding: /nobody after the next boot/,
    remedy: /--trusted 10\.9\.1\.0\/24,fd00:9:1::\/64$/,
  },
  {
    what: "somebody else's module",
    files: { '/proc/modules': 'vtoa 16384 0 - Live 0x0 (OE)\n' },
    check: 'other modules',
    state: 'failure',
    finding: /^vtoa: /,
    remedy: /^sudo rmmod vtoa$/,
  },
  {
    what: 'a module that DKMS does not know',
    files: installed,
    check: 'DKMS',
    state: 'warning',
    finding: /the next kernel/,
  },
  {
    what: 'nothing for DKMS to do',
    files: unloaded,
    check: 'DKMS',
    state: 'ok',
    finding: /nothing to build/,
  },
  {
    what: 'Secure Boot',
    files: { ...unloaded, '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n' },
    check: 'Secure Boot',
    state: 'warning',
    finding: /only modules that are signed/,
    remedy: /^sudo mokutil --import \/var\/lib\/dkms\/mok\.pub, reboot/,
  },
  {
    what: 'Secure Boot, with the module loaded',
    files: { '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n' },
    check: 'Secure Boot',
    state: 'ok',
    finding: /has one$/,
  },
  {
    what: 'SYN cookies that were sent',
    files: { '/proc/net/netstat': 'TcpExt: SyncookiesSent\nTcpExt: 12345\n' },
    check: 'SYN cookies',
    state: 'warning',
    finding: /^12,345 were sent/,
    remedy: /somaxconn/,
  },
  {
    what: 'SYN cookies always, without the module',
    files: { ...unloaded, '/proc/sys/net/ipv4/tcp_syncookies': '2\n' },
    check: 'SYN cookies',
    state: 'failure',
    finding: /tcp_syncookies is 2/,
    remedy: /tcp_syncookies=1$/,
  },
  {
    what: 'SYN cookies always, with the module',
    files: { '/proc/sys/net/ipv4/tcp_syncookies': '2\n' },
    check: 'SYN cookies',
    state: 'warning',
    finding: /tcp_syncookies is 2/,
  },
  {
    what: 'a kernel without such counters',
    files: { '/proc/net/netstat': 'TcpExt: TW\nTcpExt: 1\n' },
    check: 'SYN cookies',
    state: 'unknown',
    finding: /does not tell/,
  },
  {
    what: 'ACKs that some listener has dropped',
    files: deferring(7),
    check: 'deferred accept',
    state: 'warning',
    finding: /^7 bare ACKs were dropped/,
  },
  {
    what: 'listeners that cannot be asked',
    files: deferring(0),
    check: 'deferred accept',
    state: 'unknown',
    finding: /^cannot know for 0\.0\.0\.0:1003, \[::\]:1004: /,
  },
  {
    what: 'a port on which nothing listens',
    more: ['--port', '7'],
    check: 'deferred accept',
    state: 'ok',
    finding: /nothing listens/,
  },
  {
    what: 'a listener on IPv4',
    check: 'IPv6 clients',
    state: 'warning',
    finding: /^0\.0\.0\.0:1003: /,
    remedy: /listen on \[::\]/,
  },
  {
    what: 'a listener on IPv6',
    more: ['--port', '1004'],
    check: 'IPv6 clients',
    state: 'ok',
    finding: /every listener/,
  },
  {
    what: 'a small MTU',
    files: { '/sys/class/net/toa-wire0/mtu': '1400\n' },
    check: 'MTU and MSS',
    state: 'warning',
    finding: /toa-server0 1500, toa-wire0 1400: .*MSS of at most 1320$/,
  },
  {
    what: 'no interface that is up',
    files: { ...flags('toa-wire0', '0x1002'), ...flags('toa-server0', '0x1002') },
    check: 'MTU and MSS',
    state: 'ok',
    finding: /no interface is up/,
  },
  {
    what: 'no ethtool',
    check: 'offloads',
    state: 'unknown',
    finding: /ethtool/,
    remedy: /^install ethtool$/,
  },
  {
    what: 'classes of sockets by cgroups of version 1',
    files: { '/proc/self/mounts': 'cgroup /sys/fs/cgroup/net_cls,net_prio cgroup rw,net_cls,net_prio 0 0\n' },
    more: ['-k', '5.10.0-46-amd64'],
    check: 'cgroup',
    state: 'warning',
    finding: /\/sys\/fs\/cgroup\/net_cls,net_prio/,
  },
  {
    what: 'cgroups of version 2',
    files: { '/proc/self/mounts': 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n' },
    check: 'cgroup',
    state: 'ok',
    finding: /^version 2 at \/sys\/fs\/cgroup$/,
  },
];

for (const { what, files = {}, more = [], check, state, finding, remedy = /./ } of rows) {
  test(`${what}: ${check} is ${state}`, (t) => {
    const report = examine(t, files, ...more);
    const found = report.checks.find((one) => one.check === check);
    assert.equal(found?.state, state, found?.finding);
    assert.match(found.finding, finding);
    if (state !== 'ok') assert.match(found.remedy ?? '', remedy);
    assert.equal(
      report.ok,
      report.checks.every((one) => one.state !== 'failure'),
    );
    assert.equal(report.status, report.ok ? 0 : 1);
  });
}

/** Root still owns its files then, and has no power over others. */
const withoutPower = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'];

/** A server that defers on port 8080 and does not on 8081, on [::]:8082 neither. */
const server = `
import socket, sys
def listen(family, port, defer):
    one = socket.socket(family)
    if defer: one.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    one.bind(('', port)); one.listen(1)
    return one
sockets = [listen(socket.AF_INET, 8080, True), listen(socket.AF_INET, 8081, False), listen(socket.AF_INET6, 8082, False)]
print('listening', flush=True)
sys.stdin.read()`;

networkTest(
  'a listener that defers is found by asking its socket; who may not ask cannot know',
  async (network) => {
    const namespace = network.namespace('server');
    const running = namespace.start('python3', ['-c', server]);
    await running.line(/listening/);
    const state = (wrapper: string[], ...ports: string[]) => {
      const doctor = [
        ...wrapper,
        process.execPath,
        main,
        'doctor',
        '--json',
        ...ports.flatMap((port) => ['-p', port]),
      ];
      const { checks } = read(namespace.execute(doctor[0] as string, ...doctor.slice(1)));
      return checks.find(({ check }) => check === 'deferred accept') as Diagnosis;
    };
    const all = state([]);
    assert.equal(all.state, 'warning');
    assert.match(all.finding, /^0\.0\.0\.0:8080: /);
    const others = state([], '8081', '8082');
    assert.deepEqual([others.state, others.finding], ['ok', 'no listener of 2']);
    const powerless = state(withoutPower, '8081');
    assert.equal(powerless.state, 'unknown');
    assert.match(powerless.finding, /^cannot know for 0\.0\.0\.0:8081: /);
  },
);

test('listeners are read out of /proc/net/tcp, of both families; connections are not listeners', () => {
  const v4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 78198807 2 00000000da1a3663 100 0 0 10 0
   1: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 78198809 1 000000001ab563b8 100 0 0 10 0
   2: 0100007F:1F90 0100007F:D1A2 01 00000000:00000000 00:00000000 00000000     0        0 0 1 000000007c3469c4 20 0 0 10 -1
`;
  assert.deepEqual(parseListeners(v4, 4), [
    { family: 4, address: '0.0.0.0', port: 8080, inode: '78198807' },
    { family: 4, address: '127.0.0.1', port: 6379, inode: '78198809' },
  ]);
  const v6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 78198808 1 0000000021213045 100 0 0 10 0
   1: B80D0120000000000000000001000000:0019 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 78198810 1 000000008b47af64 100 0 0 10 0
`;
  assert.deepEqual(parseListeners(v6, 6), [
    { family: 6, address: '::', port: 443, inode: '78198808' },
    { family: 6, address: '2001:db8::1', port: 25, inode: '78198810' },
  ]);
});

test('what ethtool says of a feature is read, with its exceptions', () => {
  const text = `Features for eth0:
rx-checksumming: on [fixed]
\ttx-checksum-ipv4: off [fixed]
tcp-segmentation-offload: off
\ttx-tcp-segmentation: off [requested on]
large-receive-offload: on
`;
  assert.equal(featureState(text, 'large-receive-offload'), 'on');
  assert.equal(featureState(text, 'rx-checksumming'), 'on');
  assert.equal(featureState(text, 'tx-checksum-ipv4'), 'off');
  assert.equal(featureState(text, 'tx-tcp-segmentation'), 'off');
  assert.equal(featureState(text, 'segmentation'), undefined);
});

test('an ethtool that does not run leaves offloads unknown', (t) => {
  const root = madeSystem(t, { '/usr/sbin/ethtool': '' }, 'test/cli/recorded');
  chmodSync(join(root, 'usr/sbin/ethtool'), 0o755);
  const { checks } = read(toa(['doctor', '--json', '--root', root]).stdout);
  const found = checks.find(({ check }) => check === 'offloads');
  assert.deepEqual(
    [found?.state, found?.finding],
    ['unknown', 'ethtool does not tell of toa-server0, toa-wire0'],
  );
});

test('versions of Node are those of package.json', () => {
  for (const good of ['20.19.0', '20.20.2', '22.12.0', '23.0.0', '24.1.0'])
    assert.ok(isSupported(good), good);
  for (const bad of ['18.20.0', '20.18.3', '21.7.0', '22.11.0']) assert.ok(!isSupported(bad), bad);
});

test('a root folder that no kernel fills is refused, for there everything would seem in order: exit 2', (t) => {
  for (const [root, folder] of [
    ['/nonexistent', '/proc/net'],
    [madeSystem(t, { '/etc/os-release': 'ID=debian\n', '/proc/net/tcp': '' }), '/sys/class/net'],
  ] as const) {
    const { status, stdout, stderr } = toa(['doctor', '--json', '--root', root]);
    assert.deepEqual([status, stdout], [2, '']);
    assert.ok(
      stderr.startsWith(`toa: given the root ${root}, where ${folder} is not there; wanted `),
      stderr,
    );
    assert.match(stderr, /\n\(toa doctor --help .*\)\n$/);
  }
});

test('a port that is none is refused with what was given, exit 2', () => {
  for (const port of ['0', '65536', 'http', '80,']) {
    const { status, stdout, stderr } = toa(['doctor', '--port', port]);
    assert.deepEqual([status, stdout], [2, '']);
    assert.equal(
      stderr,
      `toa: option '-p, --port <ports>' argument '${port}' is invalid. Wanted a whole number from 1 to 65535.\n(toa doctor --help shows what it takes)\n`,
    );
  }
});

test('the report for the eye fits into the terminal, and ends with a summary', (t) => {
  const root = madeSystem(t, {}, 'test/cli/recorded');
  for (const columns of ['80', '120']) {
    const { stdout } = toa(['doctor', '--root', root, '-k', kernel], { env: { COLUMNS: columns } });
    for (const line of stdout.split('\n')) assert.ok(line.length <= Number(columns), line);
    assert.match(stdout, /^CHECK +STATE +FINDING\nplatform +ok +Linux/);
    assert.match(stdout, /^ +→ install ethtool$/m);
    assert.match(stdout, /\n\n\d+ ok, \d+ warnings, 0 failures, 2 unknown\n$/);
  }
});

test('who has no capabilities is told so by the real system', (t) => {
  const [command = '', ...args] = [...withoutPower, process.execPath, main, 'doctor', '--json'];
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (stderr.startsWith('setpriv')) {
    skipOrFail(t, 'setpriv', `capabilities cannot be given up here: ${stderr}`);
    return;
  }
  const permissions = read(stdout).checks.find(({ check }) => check === 'permissions');
  assert.equal(permissions?.state, 'warning');
});

test('a check that fails itself is unknown, and the others run', async () => {
  const broken = {
    name: 'broken',
    run: () => {
      throw new Error('no such file\nat all');
    },
  };
  const subject = { system: new System('/nowhere'), kernel, ports: [] };
  assert.deepEqual(await diagnose([broken, otherModules], subject), [
    {
      check: 'broken',
      state: 'unknown',
      finding: 'the check itself failed: no such file',
      remedy: 'please report it',
    },
    { check: 'other modules', state: 'ok', finding: 'none of this kind', remedy: null },
  ]);
});
