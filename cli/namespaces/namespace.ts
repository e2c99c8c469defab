import { runCommand } from '../../lib/daemon/command.js';
import { ToaError } from '../../lib/errors.js';
import type { Echo } from './echo.js';
import { type Finished, RunningProcess } from './process.js';

/** A named network namespace, and what one does in it. Names are those of `ip netns`. */
export class Namespace {
  readonly name: string;
  /** The last part of the name, for people: `client` of `toa-4711-0-client`. */
  readonly role: string;
  readonly #echo: Echo;
  readonly #processes = new Set<RunningProcess>();

  /** Only names it: `create()` makes it. */
  constructor(name: string, role: string, echo: Echo) {
    this.name = name;
    this.role = role;
    this.#echo = echo;
  }

  /** Makes the namespace. Nothing of the host's settings is inherited: no forwarding, no reverse path filter, no DAD. */
  create(): void {
    this.#echo(`[+] ip netns add ${this.name}`);
    runCommand('ip', ['netns', 'add', this.name]);
    // New namespaces copy the host's IPv4 settings (net.core.devconf_inherit_init_net): a host with Docker forwards.
    this.sysctl({
      'net/ipv4/ip_forward': 0,
      'net/ipv4/conf/all/rp_filter': 0,
      'net/ipv4/conf/default/rp_filter': 0,
      'net/ipv6/conf/all/disable_ipv6': 0,
      'net/ipv6/conf/default/disable_ipv6': 0,
      'net/ipv6/conf/default/accept_dad': 0,
    });
    this.ip('link', 'set', 'lo', 'up');
  }

  /** Runs `ip` in this namespace and returns its output, for example `ip('-j', 'addr')`. */
  ip(...args: string[]): string {
    this.#echo(`[+] ${this.role}: ip ${args.join(' ')}`);
    return runCommand('ip', ['-n', this.name, ...args]);
  }

  /** Runs any command in this namespace to its end, blocking, and returns its standard output. */
  execute(command: string, ...args: string[]): string {
    this.#echo(`[+] ${this.role}: ${command} ${args.join(' ')}`);
    return runCommand('ip', ['netns', 'exec', this.name, command, ...args]);
  }

  /** Feeds a ruleset to `nft -f -` in this namespace. */
  nft(ruleset: string): void {
    this.#echo(`[+] ${this.role}: nft -f - <<< '${ruleset}'`);
    runCommand('ip', ['netns', 'exec', this.name, 'nft', '-f', '-'], ruleset);
  }

  /** Writes settings below /proc/sys, named by path since interface names may have dots: `net/ipv4/ip_forward`. */
  sysctl(settings: Record<string, string | number>): void {
    const words = Object.entries(settings).flatMap(([path, value]) => [path, String(value)]);
    const script = 'while [ $# -gt 0 ]; do echo "$2" > "/proc/sys/$1" || exit 1; shift 2; done';
    this.execute('sh', '-c', script, 'sysctl', ...words);
  }

  /** Gives an interface an address with its prefix length. IPv6 addresses are usable at once (no duplicate detection). */
  address(device: string, address: string): void {
    this.ip('address', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : []));
  }

  /** Adds a route to a CIDR, or to `0.0.0.0/0` or `::/0`, over a gateway or a device. */
  route(to: string, by: { via?: string; device?: string }): void {
    const family = to.includes(':') ? '-6' : '-4';
    const via = by.via === undefined ? [] : ['via', by.via];
    const device = by.device === undefined ? [] : ['dev', by.device];
    this.ip(family, 'route', 'add', to, ...via, ...device);
  }

  /** Switches offloads of an interface on or off, by the names of `ethtool -K`: tx, rx, tso, gso, gro. */
  offloads(device: string, settings: Record<string, boolean>): void {
    const words = Object.entries(settings).flatMap(([name, on]) => [name, on ? 'on' : 'off']);
    this.execute('ethtool', '-K', device, ...words);
  }

  /** Makes the VLAN sub-interface `device.id`, brings it up and returns its name. Needs the kernel's 8021q. */
  vlan(device: string, id: number, addresses: readonly string[] = []): string {
    const name = `${device}.${id}`;
    this.ip('link', 'add', 'link', device, 'name', name, 'type', 'vlan', 'id', String(id));
    this.ip('link', 'set', name, 'up');
    for (const address of addresses) this.address(name, address);
    return name;
  }

  /** Starts a process in this namespace; it is killed when the namespace is disposed of, or when this program dies. */
  start(command: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): RunningProcess {
    this.#echo(`[+] ${this.role}: ${command} ${args.join(' ')} &`);
    const inside = ['netns', 'exec', this.name, 'setpriv', '--pdeathsig', 'KILL', '--', command, ...args];
    const started = new RunningProcess('ip', inside, { ...process.env, ...env });
    this.#processes.add(started);
    started.child.on('close', () => this.#processes.delete(started));
    return started;
  }

  /** Starts a process, gives it `input`, and waits for its end. */
  async run(command: string, args: readonly string[], input?: string | Uint8Array): Promise<Finished> {
    const started = this.start(command, args);
    started.stdin.end(input);
    return started.finished();
  }

  /** Kills everything that runs inside and removes the namespace with its interfaces. */
  dispose(): void {
    for (const { child } of this.#processes) child.kill('SIGKILL');
    removeNamespace(this.name, this.#echo);
  }
}

/** Removes a namespace by name, and first every process in it. Ours only: the name says who made it. */
export function removeNamespace(name: string, echo: Echo): void {
  for (const pid of pidsIn(name)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
  echo(`[+] ip netns delete ${name}`);
  insist('ip', ['netns', 'delete', name]);
}

function pidsIn(name: string): number[] {
  try {
    return insist('ip', ['netns', 'pids', name]).split('\n').filter(Boolean).map(Number);
  } catch {
    // Half made: a name with no namespace to it.
    return [];
  }
}

/** Runs a command again where a second Ctrl-C has ended it: nothing is left behind. */
function insist(command: string, args: readonly string[]): string {
  for (;;) {
    try {
      return runCommand(command, args);
    } catch (error) {
      if (!(error instanceof ToaError) || error.code !== 'ERR_TOA_INTERRUPTED') throw error;
    }
  }
}
