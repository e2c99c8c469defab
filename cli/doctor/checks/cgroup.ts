import { type Check, ok, warning } from '../check.js';
import { isOlder } from '../kernel-version.js';

/**
 * BPF programs for sockets, which may see or set peers' names as well, belong to cgroups of version 2; a class that net_cls or
 * net_prio of version 1 gives a socket took them away from it, silently, before Linux 5.15 (cgroup_sk_alloc_disable).
 */
export const cgroup: Check = {
  name: 'cgroup',
  run: ({ system, kernel }) => {
    const mounts = (system.read('/proc/self/mounts') ?? '').split('\n').map((line) => line.split(' '));
    const version2 = mounts.find(([, , type]) => type === 'cgroup2')?.[1];
    const classes = mounts.filter(
      ([, , type, options]) => type === 'cgroup' && /net_(cls|prio)/.test(options ?? ''),
    );
    if (classes.length > 0 && isOlder(kernel, [5, 15])) {
      return warning(
        `version 1 of net_cls or net_prio (${classes[0]?.[1]}) can switch BPF programs for sockets off`,
        'do not mount it: systemd.unified_cgroup_hierarchy=1 on the kernel command line',
      );
    }
    return ok(version2 === undefined ? 'version 1: fine, no receiver needs it' : `version 2 at ${version2}`);
  },
};
