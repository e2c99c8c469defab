import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainRefusal } from '../../cli/namespaces/support.js';

const rows = [
  { what: 'ip is not installed', said: 'sh: 2: ip: not found', reason: /`ip` is missing/, hint: /iproute2/ },
  {
    what: 'unshare is not installed',
    said: 'spawnSync unshare ENOENT',
    reason: /`unshare`/,
    hint: /util-linux/,
  },
  {
    what: 'the kernel lacks veth',
    said: 'Error: Unknown device type.',
    reason: /no veth/,
    hint: /modprobe veth/,
  },
  {
    what: 'user namespaces are limited to none, as on RHEL 7',
    files: { '/proc/sys/user/max_user_namespaces': '0' },
    reason: /max_user_namespaces is 0/,
    hint: /root.*sysctl -w user\.max_user_namespaces=/,
  },
  {
    what: 'only root may make user namespaces, as in older Debian',
    files: { '/proc/sys/kernel/unprivileged_userns_clone': '0' },
    reason: /unprivileged_userns_clone is 0/,
    hint: /root.*sysctl -w kernel\.unprivileged_userns_clone=1/,
  },
  {
    what: 'AppArmor restricts them, as in Ubuntu 24.04',
    files: { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' },
    reason: /AppArmor/,
    hint: /root.*sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/,
  },
  {
    what: 'a container filters system calls',
    files: { '/proc/self/status': 'Name:\tnode\nSeccomp:\t2\n' },
    reason: /seccomp/,
    hint: /docker run --privileged/,
  },
  { what: 'nobody knows', said: 'mount failed: odd', reason: /mount failed: odd/, hint: /^run it as root$/ },
];

for (const { what, said = 'unshare failed', files = {}, reason, hint } of rows) {
  test(`where namespaces are refused because ${what}, the reason and the remedy are named`, () => {
    const known: Record<string, string> = files;
    const refusal = explainRefusal(said, (path) => known[path]);
    assert.match(refusal.reason, reason);
    assert.match(refusal.hint, hint);
  });
}
