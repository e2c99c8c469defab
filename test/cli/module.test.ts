import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDkmsStatus } from '../../cli/module/dkms.js';
import { explainLoad } from '../../cli/module/load.js';
import { enrollment } from '../../cli/module/signature.js';
import { System } from '../../cli/module/system.js';
import { skipOrFail } from '../support/require.js';
import { readOneJson } from './json.js';
import { madeSystem } from './made-system.js';
import { main, toa } from './toa.js';

const kernel = '6.1.0-56-amd64';
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** What a Debian has that can build modules. DKMS itself is not there: nothing is installed yet. */
const ready = {
  '/etc/os-release': 'ID=debian\n',
  [`/lib/modules/${kernel}/build/Makefile`]: '',
  '/etc/modules-load.d/modules.conf': '',
  '/etc/sysctl.d/README': '',
};
const installed = {
  [`/lib/modules/${kernel}/modules.dep`]: 'kernel/fs/ext4.ko.xz:\nupdates/dkms/toa.ko.xz:\n',
};
const loaded = {
  '/proc/modules': 'toa 36864 0 - Live 0x0000000000000000 (OE)\nnf_tables 1 0 - Live 0x0\n',
  '/sys/module/toa/version': `${version}\n`,
  '/proc/sys/net/toa/enabled': '1\n',
  '/proc/sys/net/toa/trusted': '10.0.0.0/24\n',
  '/proc/sys/net/toa/formats': 'toa-v4,toa-v6\n',
  '/proc/sys/net/toa/syn': '0\n',
};

const module = (action: string, root: string, ...more: string[]) =>
  toa(['module', action, '--root', root, ...(action === 'remove' ? [] : ['-k', kernel]), ...more]);

test('install --dry-run prints the commands, and runs none', (t) => {
  const root = madeSystem(t, { ...ready, '/usr/bin/make': '' });
  const before = readdirSync(root, { recursive: true }).length;
  const { stdout } = module('install', root, '--dry-run', '--trusted', '10.0.0.0/24, 2001:db8::/64', '--syn');
  assert.deepEqual(stdout.split('\n').slice(1), [
    `chroot ${root} dkms add -m toa -v ${version}`,
    `chroot ${root} dkms build -m toa -v ${version} -k ${kernel}`,
    `chroot ${root} dkms install -m toa -v ${version} -k ${kernel}`,
    `tee ${root}/etc/sysctl.d/60-toa.conf <<'END'`,
    '# The kernel module toa: whose TCP options are believed.',
    'net.toa.trusted = 10.0.0.0/24,2001:db8::/64',
    'net.toa.formats = default',
    'net.toa.syn = 1',
    'END',
    `tee ${root}/etc/modules-load.d/toa.conf <<'END'`,
    'toa',
    'END',
    '',
  ]);
  assert.match(
    stdout,
    new RegExp(`^make .*/kernel-module dkms-sources VERSION=${version} DESTDIR=${root}\n`),
  );
  assert.equal(readdirSync(root, { recursive: true }).length, before);
});

test('with --json the commands are told as one object, and whether they were run', (t) => {
  const root = madeSystem(t, { ...installed, '/etc/sysctl.d/60-toa.conf': 'net.toa.trusted = private\n' });
  const commands = (action: string, ...more: string[]) =>
    readOneJson(`module-${action}`, module(action, root, '--json', ...more).stdout);
  const load = [
    `chroot ${root} modprobe toa trusted=private`,
    `chroot ${root} sysctl -p /etc/sysctl.d/60-toa.conf`,
  ];
  assert.deepEqual(commands('load', '--dry-run'), { schema: 'module-load/1', done: false, commands: load });
  assert.deepEqual(commands('unload'), { schema: 'module-unload/1', done: true, commands: [] });
  const { done, commands: steps } = commands('install', '--dry-run', '--trusted', 'private');
  assert.deepEqual(
    [done, (steps as string[]).at(-1)],
    [false, `tee ${root}/etc/modules-load.d/toa.conf <<'END'\ntoa\nEND`],
  );
});

test('on the machine itself the commands are plain', () => {
  const { stdout } = toa(['module', 'install', '--dry-run', '--trusted', 'private', '-k', kernel]);
  assert.match(stdout, new RegExp(`^dkms build -m toa -v ${version} -k ${kernel}$`, 'm'));
  assert.match(
    stdout,
    /^tee \/etc\/sysctl\.d\/60-toa\.conf <<'END'\n.*\nnet\.toa\.trusted = private\nnet\.toa\.formats = default\nnet\.toa\.syn = 0\nEND$/m,
  );
});

test('install needs to know whom to trust, and takes nothing that the module would refuse: exit 2', (t) => {
  const root = madeSystem(t, ready);
  const many = Array.from({ length: 257 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).join(',');
  for (const [args, words] of [
    [[], /required option '--trusted <cidrs>'/],
    [['--trusted', ''], /given nothing/],
    [['--trusted', '10.0.0.0/33'], /given "10\.0\.0\.0\/33"/],
    [['--trusted', '10.0.0.1/24'], /no bits set behind the prefix/],
    [['--trusted', 'everybody'], /given "everybody"/],
    [['--trusted', many], /given 257 blocks, wanted at most 256/],
    [['--trusted', 'private', '--formats', 'toa-v9'], /toa-v9/],
  ] as const) {
    const { status, stdout, stderr } = module('install', root, '--dry-run', ...args);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, words);
  }
});

test('what is missing for a build is named with the line that installs it, exit 3', (t) => {
  for (const [release, line] of [
    ['ID=debian\n', `apt-get install dkms make linux-headers-${kernel}`],
    [
      'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n',
      `apt-get install dkms make linux-headers-${kernel}`,
    ],
    [
      'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
      `dnf install epel-release && dnf install dkms make kernel-devel-${kernel}`,
    ],
    ['ID=fedora\n', `dnf install dkms make kernel-devel-${kernel}`],
    [
      'ID=arch\n',
      `apt-get install dkms make linux-headers-${kernel}, or dnf install dkms make kernel-devel-${kernel}`,
    ],
  ] as const) {
    const { status, stderr } = module(
      'install',
      madeSystem(t, { '/etc/os-release': release }),
      '--trusted',
      'private',
    );
    assert.equal(status, 3);
    assert.equal(stderr, `toa: missing here: DKMS, make, the headers of kernel ${kernel} (${line})\n`);
  }
});

test('headers are found behind an absolute link inside the other root', (t) => {
  const root = madeSystem(t, { ...ready, '/usr/src/linux-headers/Makefile': '' });
  rmSync(join(root, `lib/modules/${kernel}/build`), { recursive: true });
  spawnSync('ln', ['-s', '/usr/src/linux-headers', join(root, `lib/modules/${kernel}/build`)]);
  const status = readOneJson('module-status', module('status', root, '--json').stdout);
  assert.equal(status.headers, true);
});

test('status of a loaded module says what it is set to, exit 0', (t) => {
  const root = madeSystem(t, {
    ...ready,
    ...installed,
    ...loaded,
    '/etc/sysctl.d/60-toa.conf': 'net.toa.trusted=10.0.0.0/24\n',
  });
  const { status, stdout } = module('status', root, '--json');
  assert.equal(status, 0);
  assert.deepEqual(readOneJson('module-status', stdout), {
    schema: 'module-status/1',
    version,
    kernel,
    loaded: { version, enabled: '1', trusted: '10.0.0.0/24', formats: 'toa-v4,toa-v6', syn: '0' },
    others: [],
    installed: true,
    packaged: false,
    dkms: [],
    settings: { trusted: '10.0.0.0/24' },
    headers: true,
    signatureRequired: false,
  });
  assert.match(
    module('status', root).stdout,
    new RegExp(`^loaded +toa ${version}\n +trusts +10\\.0\\.0\\.0/24\n`),
  );
});

test('status where there is nothing says so, exit 1', (t) => {
  const { status, stdout } = module('status', madeSystem(t, {}), '--json');
  assert.equal(status, 1);
  assert.deepEqual(readOneJson('module-status', stdout), {
    schema: 'module-status/1',
    version,
    kernel,
    loaded: null,
    others: [],
    installed: false,
    packaged: false,
    dkms: [],
    settings: null,
    headers: false,
    signatureRequired: false,
  });
});

test('load gives the module its settings, as parameters as long as the kernel takes them', (t) => {
  const many = Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`).join(',');
  for (const [text, parameters] of [
    ['net.toa.trusted = 10.0.0.0/24\nnet.toa.syn = 1\n', ' trusted=10.0.0.0/24 syn=1'],
    [`net.toa.trusted = ${many}\n`, ''],
  ] as const) {
    const root = madeSystem(t, { ...installed, '/etc/sysctl.d/60-toa.conf': text });
    assert.equal(
      module('load', root, '--dry-run').stdout,
      `chroot ${root} modprobe toa${parameters}\nchroot ${root} sysctl -p /etc/sysctl.d/60-toa.conf\n`,
    );
  }
});

test('load without settings says that nobody is trusted', (t) => {
  const root = madeSystem(t, installed);
  const { stdout, stderr } = module('load', root, '--dry-run');
  assert.equal(stdout, `chroot ${root} modprobe toa\n`);
  assert.match(stderr, /nobody is trusted yet/);
});

test('a loaded module is not loaded twice, but takes its settings again; unload unloads it', (t) => {
  const root = madeSystem(t, { ...loaded, '/etc/sysctl.d/60-toa.conf': 'net.toa.trusted = private\n' });
  assert.equal(
    module('load', root, '--dry-run').stdout,
    `chroot ${root} sysctl -p /etc/sysctl.d/60-toa.conf\n`,
  );
  assert.equal(module('unload', root, '--dry-run').stdout, `chroot ${root} modprobe -r toa\n`);
});

test('what is not installed is not loaded: exit 3; what is not loaded need not be unloaded: exit 0', (t) => {
  const root = madeSystem(t, {});
  const { status, stderr } = module('load', root);
  assert.deepEqual([status, stderr.includes(`not installed for kernel ${kernel}`)], [3, true]);
  assert.deepEqual([module('unload', root).status, module('remove', root).status], [0, 0]);
});

test("somebody else's module of this kind is named and left alone, exit 1", (t) => {
  for (const name of ['toa', 'vtoa', 'hybrid_toa']) {
    const root = madeSystem(t, { ...installed, '/proc/modules': `${name} 16384 0 - Live 0x0 (OE)\n` });
    for (const action of ['load', 'unload']) {
      const { status, stdout, stderr } = module(action, root);
      assert.deepEqual([status, stdout], [1, '']);
      assert.equal(
        stderr,
        `toa: another module of this kind is loaded: ${name} (unload it first, when nothing needs it: rmmod ${name})\n`,
      );
    }
    const status = readOneJson('module-status', module('status', root, '--json').stdout);
    assert.deepEqual(status.others, [name]);
    assert.match(module('status', root).stdout, new RegExp(`^others +${name}: must be unloaded first$`, 'm'));
    const install = module('install', root, '--dry-run', '--trusted', 'private');
    assert.match(
      install.stderr,
      new RegExp(`^another module of this kind is loaded: ${name} \\(unload`, 'm'),
    );
  }
});

test('where modules must be signed, status says so', (t) => {
  for (const files of [
    { '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n' },
    { '/sys/module/module/parameters/sig_enforce': 'Y\n' },
  ]) {
    assert.match(module('status', madeSystem(t, files)).stdout, /^signature +required \(Secure Boot\)$/m);
  }
});

test('what modprobe says is put into words that help', (t) => {
  const plain = new System(madeSystem(t, {}));
  const locked = new System(
    madeSystem(t, { '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n' }),
  );
  const busy = "modprobe: ERROR: could not insert 'toa': Device or resource busy";
  const rejected = "modprobe: ERROR: could not insert 'toa': Key was rejected by service";
  const forbidden = "modprobe: ERROR: could not insert 'toa': Operation not permitted";
  for (const [host, said, code, words] of [
    [plain, busy, 'ERR_TOA_MODULE_BUSY', /another module has the socket options or functions of toa/],
    [
      plain,
      rejected,
      'ERR_TOA_MODULE_SIGNATURE',
      /\n {2}mokutil --import \/var\/lib\/dkms\/mok\.pub .*\n {2}reboot .*Enroll MOK/,
    ],
    [locked, forbidden, 'ERR_TOA_MODULE_SIGNATURE', /mokutil --import/],
    [plain, forbidden, 'ERR_TOA_PERMISSION', /CAP_SYS_MODULE/],
  ] as const) {
    const error = explainLoad(host)(host.command('modprobe', 'toa'), { status: 1, said, stdout: '' });
    assert.equal(error?.code, code);
    assert.match(error.message, words);
  }
});

test('the key to enroll is that of this system’s DKMS; where it has none yet, it is said when it makes one', (t) => {
  const debian = { '/var/lib/dkms/mok.pub': '' };
  const ubuntu = { '/var/lib/shim-signed/mok/MOK.der': '' };
  for (const [files, key, lacking] of [
    [debian, '/var/lib/dkms/mok.pub', false],
    [ubuntu, '/var/lib/shim-signed/mok/MOK.der', false],
    [{}, '/var/lib/dkms/mok.pub', true],
  ] as const) {
    const words = enrollment(new System(madeSystem(t, files)));
    assert.match(words, new RegExp(`^  mokutil --import ${key} `, 'm'));
    assert.equal(words.includes('has none yet'), lacking);
  }
});

test('a module that came as a package is the package manager’s to remove', (t) => {
  const root = madeSystem(t, { ...ready, '/usr/lib/modules-load.d/toa.conf': 'toa\n' });
  const { status, stderr } = module('remove', root, '--dry-run');
  assert.equal(status, 1);
  assert.match(stderr, /apt-get purge toakit-dkms/);
  assert.equal(
    module('install', root, '--dry-run', '--trusted', 'private').stdout.split('\n', 1)[0],
    `tee ${root}/etc/sysctl.d/60-toa.conf <<'END'`,
  );
});

test('who is not root is told so and changes nothing, exit 4; --dry-run is for everybody', (t) => {
  const root = madeSystem(t, { ...ready, '/etc/sysctl.d/60-toa.conf': 'net.toa.trusted = private\n' });
  const asNobody = (...args: string[]) =>
    spawnSync('unshare', ['--user', process.execPath, main, 'module', 'remove', '--root', root, ...args], {
      encoding: 'utf8',
    });
  const dry = asNobody('--dry-run');
  if (/unshare/.test(dry.stderr)) {
    skipOrFail(t, 'namespaces', `there is no user namespace to be nobody in: ${dry.stderr}`);
    return;
  }
  assert.deepEqual([dry.status, dry.stdout], [0, `rm ${root}/etc/sysctl.d/60-toa.conf\n`]);
  const { status, stderr } = asNobody();
  assert.equal(status, 4);
  assert.equal(stderr, 'toa: only root can do this (use sudo; --dry-run shows the commands to anybody)\n');
  assert.ok(existsSync(join(root, 'etc/sysctl.d/60-toa.conf')));
});

test('what dkms status prints is read, of DKMS 2 and 3', () => {
  const entries = [
    { version: '0.0.9', state: 'added' },
    { version: '0.1.0', state: 'installed', kernel },
    { version: '0.1.0', state: 'built', kernel: '6.12.1' },
  ];
  const three = `toa/0.0.9: added\ntoa/0.1.0, ${kernel}, x86_64: installed (WARNING! Diff between built and installed module!)\ntoa/0.1.0, 6.12.1, x86_64: built\n`;
  const two = `toa, 0.0.9: added\ntoa, 0.1.0, ${kernel}, x86_64: installed\ntoa, 0.1.0, 6.12.1, x86_64: built\n`;
  for (const text of [three, two]) assert.deepEqual(parseDkmsStatus(text), entries);
  assert.deepEqual(parseDkmsStatus('Error! Could not locate dkms.conf file.\n'), []);
});
