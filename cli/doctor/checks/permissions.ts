import { type Check, ok, unknown, warning } from '../check.js';

/** Capabilities (linux/capability.h) and what needs them. A server that calls attach() needs none. */
const wanted = [
  { name: 'CAP_NET_ADMIN', bit: 12, for: 'toa lb run' },
  { name: 'CAP_NET_RAW', bit: 13, for: 'to see packets' },
  { name: 'CAP_SYS_MODULE', bit: 16, for: 'to load the module' },
  { name: 'CAP_SYS_PTRACE', bit: 19, for: "to look at others' sockets" },
];

export const permissions: Check = {
  name: 'permissions',
  run: ({ system }) => {
    const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(system.read('/proc/self/status') ?? '')?.[1];
    if (effective === undefined)
      return unknown('/proc/self/status does not tell the capabilities', 'mount /proc');
    const held = BigInt(`0x${effective}`);
    const missing = wanted.filter(({ bit }) => ((held >> BigInt(bit)) & 1n) === 0n);
    if (missing.length === 0) return ok('all capabilities that toa has a use for');
    return warning(
      `without ${missing.map((one) => `${one.name} (${one.for})`).join(', ')}; servers need none`,
      'use sudo; in a container: --cap-add',
    );
  },
};
