import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Whether namespaces can be built: as we are, inside a new user namespace, or not and why. */
export type NamespaceSupport =
  | { supported: true; where: 'here' | 'user-namespace' }
  | { supported: false; reason: string; hint: string };

/** Everything that a network needs, tried for real in the fewest commands. Once begun it is ended, also on Ctrl-C. */
const attempt = (name: string) => `
  trap '' INT TERM HUP
  ip netns add ${name} || exit
  ip link add left netns ${name} type veth peer name right netns ${name} &&
    ip netns exec ${name} ip link set left up
  status=$?
  ip netns delete ${name}
  exit $status`;

/** Gives `ip netns` a directory of our own, since the real one belongs to the real root. */
export const privateNames = 'mount -t tmpfs tmpfs /run && mkdir /run/netns';

let known: NamespaceSupport | undefined;

/** Tells whether this process can build network namespaces. Tried once, some 20 ms, then remembered. */
export function namespaceSupport(): NamespaceSupport {
  known ??= findOut();
  return known;
}

function findOut(): NamespaceSupport {
  const name = `toa-${process.pid}-probe`;
  const here = shell(['sh', '-c', attempt(name)]);
  if (here.status === 0) return { supported: true, where: 'here' };
  const inside = shell(['unshare', '-Urnm', 'sh', '-c', `${privateNames} || exit\n${attempt(name)}`]);
  if (inside.status === 0) return { supported: true, where: 'user-namespace' };
  const said = [here.said, inside.said].filter(Boolean).join('; ');
  return { supported: false, ...explainRefusal(said, readSetting) };
}

function shell([command = '', ...args]: string[]): { status: number | null; said: string } {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  return { status: result.status, said: result.error?.message ?? result.stderr.trim() };
}

function readSetting(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  return readFileSync(path, 'utf8').trim();
}

/**
 * Puts a refusal into words: which of the known switches is off, and what turns it on.
 * @param said what the commands that failed wrote
 * @param read reads a file of /proc; undefined where there is none
 */
export function explainRefusal(
  said: string,
  read: (path: string) => string | undefined,
): { reason: string; hint: string } {
  if (/\bip: not found|\bip ENOENT/.test(said)) {
    return { reason: 'the command `ip` is missing', hint: 'sudo apt-get install iproute2' };
  }
  if (/unshare ENOENT/.test(said)) {
    return { reason: 'the command `unshare` is missing', hint: 'sudo apt-get install util-linux' };
  }
  if (/Unknown device type/.test(said)) {
    return { reason: 'the kernel has no veth devices', hint: 'sudo modprobe veth' };
  }
  if (read('/proc/sys/user/max_user_namespaces') === '0') {
    return {
      reason: 'user namespaces are switched off (user.max_user_namespaces is 0)',
      hint: 'run it as root, or: sudo sysctl -w user.max_user_namespaces=10000',
    };
  }
  if (read('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return {
      reason: 'unprivileged user namespaces are switched off (kernel.unprivileged_userns_clone is 0)',
      hint: 'run it as root, or: sudo sysctl -w kernel.unprivileged_userns_clone=1',
    };
  }
  if (read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return {
      reason: 'AppArmor restricts unprivileged user namespaces, as Ubuntu does since 23.10',
      hint: 'run it as root, or: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    };
  }
  if (/^Seccomp:\s*2$/m.test(read('/proc/self/status') ?? '')) {
    return {
      reason: 'a seccomp filter forbids it, as in a Docker container with the default profile',
      hint: 'docker run --privileged, or --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined',
    };
  }
  return { reason: said || 'network namespaces are not permitted', hint: 'run it as root' };
}
