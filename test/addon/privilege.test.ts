import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('programs/opens-a-packet-socket.js', import.meta.url));

test('without CAP_NET_RAW a packet socket gives ERR_TOA_PERMISSION, with setcap and user namespaces as ways out', () => {
  // Somebody else than root has no capabilities anyway, and cannot change the bounding set.
  const dropping = process.getuid?.() === 0 ? ['--bounding-set=-net_raw'] : [];
  const command = [...dropping, '--inh-caps=-net_raw', '--', process.execPath, program];
  const error = JSON.parse(execFileSync('setpriv', command, { encoding: 'utf8' }));
  assert.equal(error.code, 'ERR_TOA_PERMISSION');
  assert.match(error.message, /cannot open a packet socket on lo: EPERM/);
  assert.match(error.hint, /CAP_NET_RAW/);
  assert.match(error.hint, /setcap/);
  assert.match(error.hint, /unshare -Urn/);
});
