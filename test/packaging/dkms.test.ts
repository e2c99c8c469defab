import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { enrollment } from '../../cli/module/signature.js';
import { System } from '../../cli/module/system.js';
import { main } from '../cli/toa.js';
import { DebianRoot } from '../support/debian-root.js';
import { runShell } from '../support/run-shell.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** `toa module` for that Debian and the kernel that it has headers of. */
function toaModule(debian: DebianRoot, action: string, ...more: string[]) {
  const kernel = action === 'remove' ? [] : ['-k', debian.kernel];
  const args = [main, 'module', action, '--root', debian.path, ...kernel, ...more];
  return debian.run(process.execPath, ...args);
}

/** All that a Debian has of us: files, and lines in the list of modules. */
function belongings(debian: DebianRoot): string[] {
  const files = debian.inside(
    'find',
    '/etc',
    '/usr',
    '/var',
    '-name',
    '*toa*',
    '-not',
    '-path',
    '*/linux-headers-*',
  );
  const modules = debian.inside('cat', `/lib/modules/${debian.kernel}/modules.dep`);
  return `${files}${modules}`.split('\n').filter((line) => line.includes('toa'));
}

/** The module that modprobe would load, by modinfo. */
const installedVersion = (debian: DebianRoot) =>
  debian.inside('/sbin/modinfo', '-k', debian.kernel, '-F', 'version', 'toa').trim();

const ran = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('+ '));

test('install builds the module by DKMS for a kernel that does not run, once; remove leaves nothing', async (t) => {
  const debian = await DebianRoot.forTest(t);
  if (!debian) return;
  leaveAnOlderVersion(debian);

  const first = toaModule(debian, 'install', '--trusted', '10.0.0.0/24');
  assert.equal(first.status, 0, first.stderr);
  assert.equal(installedVersion(debian), version);
  assert.equal(
    debian.inside('grep', '-h', '^[^#]', '/etc/sysctl.d/60-toa.conf', '/etc/modules-load.d/toa.conf'),
    'net.toa.trusted = 10.0.0.0/24\nnet.toa.formats = default\nnet.toa.syn = 0\ntoa\n',
  );
  assert.match(debian.inside('dkms', 'status', '-m', 'toa'), new RegExp(`^toa/${version}, .*: installed\n$`));
  assert.doesNotMatch(belongings(debian).join('\n'), /0\.0\.9/);
  // Signed with the key that an administrator of a machine with Secure Boot is told to enroll.
  const [, key] = /mokutil --import (\S+)/.exec(enrollment(new System(debian.path)))!;
  assert.match(
    debian.inside('openssl', 'x509', '-noout', '-subject', '-in', key!),
    /DKMS module signing key/,
  );
  assert.equal(
    debian.inside('/sbin/modinfo', '-k', debian.kernel, '-F', 'signer', 'toa').trim(),
    'DKMS module signing key',
  );

  const second = toaModule(debian, 'install', '--trusted', '10.0.0.0/24');
  assert.deepEqual([second.status, ran(second.stderr)], [0, []]);
  const other = toaModule(debian, 'install', '--trusted', 'private');
  assert.deepEqual(
    [other.status, ran(other.stderr)],
    [0, [`+ tee ${debian.path}/etc/sysctl.d/60-toa.conf <<'END'`]],
  );

  const status = JSON.parse(toaModule(debian, 'status', '--json').stdout);
  assert.deepEqual(
    [status.installed, status.headers, status.dkms, status.settings],
    [
      true,
      true,
      [{ version, state: 'installed', kernel: debian.kernel }],
      { trusted: 'private', formats: 'default', syn: '0' },
    ],
  );

  // What --dry-run prints does in a shell what the command does.
  const removed = debian.feed(toaModule(debian, 'remove', '--dry-run').stdout, 'sh', '-e');
  assert.equal(removed.status, 0, removed.stderr);
  assert.deepEqual(belongings(debian), []);
  assert.match(toaModule(debian, 'remove').stderr, /nothing to do/);
});

test('sources that do not build leave the version before as it was, and end with what DKMS says', async (t) => {
  const debian = await DebianRoot.forTest(t);
  if (!debian) return;
  leaveAnOlderVersion(debian);
  debian.inside(
    'sh',
    '-c',
    'printf "#!/bin/sh\\nexit 1\\n" >/usr/local/bin/make; chmod +x /usr/local/bin/make',
  );
  const { status, stderr } = toaModule(debian, 'install', '--trusted', 'private');
  assert.equal(status, 1);
  assert.match(stderr, /^toa: `chroot .* dkms build .*` failed with exit status \d+:\n[\s\S]*make\.log/m);
  assert.match(debian.inside('dkms', 'status', '-m', 'toa'), /^toa\/0\.0\.9: added$/m);
});

test('by hand: make install builds it and puts it where modprobe looks, make clean leaves the sources', async (t) => {
  const debian = await DebianRoot.forTest(t);
  if (!debian) return;
  const checkout = `${debian.path}/srv/toakit`;
  assert.equal(debian.run('mkdir', checkout).status, 0);
  assert.equal(debian.run('cp', '-r', 'package.json', 'kernel-module', checkout).status, 0);
  const files = () => debian.inside('find', '/srv/toakit/kernel-module', '-type', 'f').split('\n').sort();
  const before = files();
  const make = (target: string) =>
    debian.inside('make', '-s', '-C', '/srv/toakit/kernel-module', `KERNEL=${debian.kernel}`, target);

  make('install');
  assert.equal(installedVersion(debian), version);
  assert.match(debian.inside('/sbin/modprobe', '-n', '-v', '-S', debian.kernel, 'toa'), /insmod .*\/toa\.ko/);
  make('clean');
  assert.deepEqual(files(), before);
});

test('the package toakit-dkms builds the module when it is installed, and leaves nothing when it is purged', async (t) => {
  const debian = await DebianRoot.forTest(t);
  if (!debian) return;
  const output = mkdtempSync(join(tmpdir(), 'toa-deb-'));
  t.after(() => rmSync(output, { recursive: true }));
  const file = runShell(`scripts/build-deb ${output}`).trim();
  assert.equal(file, `${output}/toakit-dkms_${version.replace('-', '~')}_all.deb`);

  assert.equal(debian.run('cp', file, `${debian.path}/toakit.deb`).status, 0);
  debian.inside('dpkg', '--install', '/toakit.deb');
  assert.equal(installedVersion(debian), version);
  assert.deepEqual(settingsOf(debian), null);

  const set = toaModule(debian, 'install', '--trusted', '10.0.0.0/24');
  assert.deepEqual(
    [set.status, ran(set.stderr)],
    [0, [`+ tee ${debian.path}/etc/sysctl.d/60-toa.conf <<'END'`]],
  );
  assert.deepEqual(settingsOf(debian), { trusted: '10.0.0.0/24', formats: 'default', syn: '0' });
  assert.match(toaModule(debian, 'remove').stderr, /apt-get purge toakit-dkms/);

  debian.inside('dpkg', '--purge', 'toakit-dkms');
  assert.deepEqual(belongings(debian), []);
});

function settingsOf(debian: DebianRoot): unknown {
  return (JSON.parse(toaModule(debian, 'status', '--json').stdout) as { settings: unknown }).settings;
}

/** As an earlier toakit would have: known to DKMS, not built. */
function leaveAnOlderVersion(debian: DebianRoot): void {
  const sources = ['-s', '-C', 'kernel-module', 'dkms-sources', 'VERSION=0.0.9', `DESTDIR=${debian.path}`];
  assert.equal(debian.run('make', ...sources).status, 0);
  debian.inside('dkms', 'add', '-m', 'toa', '-v', '0.0.9');
}
