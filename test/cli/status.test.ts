import assert from 'node:assert/strict';
import { test } from 'node:test';
import { version } from '../../cli/manifest.js';
import { readOneJson } from './json.js';
import { madeSystem } from './made-system.js';
import { toa } from './toa.js';

const recorded = 'test/cli/recorded';

test('status tells whom the loaded module trusts, and its counters, summed over the processors', (t) => {
  const statistics = `${' '.repeat(34)}CPU0       CPU1       
syn_recv_sock_toa        :      1200         34 
syn_recv_sock_no_toa     :         5          0 
toa_untrusted            :         0          2 
toa_malformed            :         0          0 
`;
  const root = madeSystem(t, { '/proc/net/toa_stats': statistics }, recorded);
  const { status, stdout } = toa(['status', '--root', root]);
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^module {6}toa unknown\n {2}trusts {4}10\.9\.1\.0\/24,fd00:9:1::\/64\n {2}formats {3}toa-v4,toa-v6\n {2}reads SYN no\n {2}recovered 1,234\n {2}no option 5\n {2}untrusted 2\n$/m,
  );
  const { module } = readOneJson<{ module: { counters: object } }>(
    'status',
    toa(['--json', '--root', root]).stdout,
  );
  assert.deepEqual(module.counters, {
    syn_recv_sock_toa: 1234,
    syn_recv_sock_no_toa: 5,
    toa_untrusted: 2,
    toa_malformed: 0,
  });
});

test('every counter that the module has is in the JSON', () => {
  const { module } = readOneJson<{ module: { counters: Record<string, number> } }>(
    'status',
    toa(['status', '--json', '--root', recorded]).stdout,
  );
  assert.equal(Object.keys(module.counters).length, 21);
  for (const count of Object.values(module.counters)) assert.ok(count >= 0);
});

test('status without the module says so, and is fine with it: exit 0', (t) => {
  const { status, stdout } = toa(['status', '--root', madeSystem(t, {})]);
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`^toakit {6}${version}\n[\\s\\S]*^module {6}not loaded\n$`, 'm'));
});
