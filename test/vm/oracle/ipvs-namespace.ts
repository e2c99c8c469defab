/**
 * A network namespace in which Linux's own IPVS is at work, and whose two cables the test holds at their other ends:
 *
 *   clients ── ipvs-outside ── outside [ IPVS ] inside ── ipvs-inside ── real servers
 *
 * Neither cable resolves addresses: what the kernel sends, to whomever, comes out of the cable.
 */
import { readFileSync } from 'node:fs';
import type { Namespace } from '../../../cli/namespaces/namespace.js';
import type { Network } from '../../../cli/namespaces/network.js';
import type { RunningProcess } from '../../../cli/namespaces/process.js';
import { runShell } from '../../support/run-shell.js';
import { INSIDE, MACS, OUTSIDE, TOPOLOGIES } from '../../support/topology.js';
import { DAY, isPassed, type Passed, WIDE } from './balancing.js';
import { CableEnd } from './cable-end.js';

const DEVICES = ['outside', 'inside'] as const;
/** Milliseconds after which a packet that did not come out counts as dropped, and a command as failed. */
const PATIENCE = 20_000;
/** Nobody ever wakes us by it. */
const clock = new Int32Array(new SharedArrayBuffer(4));

export class IpvsNamespace {
  readonly #namespace: Namespace;
  readonly #ends: readonly CableEnd[];
  readonly #ipvsadm: RunningProcess;
  #isMarked = false;

  /** @param ports those of wide services; IPVS knows them by marks of the same numbers, 2 and up */
  constructor(network: Network, ports: readonly number[]) {
    this.#namespace = network.namespace('ipvs');
    for (const device of DEVICES) this.#layCable(device);
    this.#configure(ports);
    this.#ends = DEVICES.map((device) => new CableEnd(`ipvs-${device}`));
    // One process for all commands: starting one takes a slow guest longer than a hundred packets.
    this.#ipvsadm = this.#namespace.start('ipvsadm', ['--restore']);
    this.ipvsadm([`--set ${DAY} ${DAY} ${DAY}`]);
  }

  #layCable(device: (typeof DEVICES)[number]): void {
    const { name } = this.#namespace;
    const mac = MACS.balancer[DEVICES.indexOf(device)]!;
    runShell(`
      ip link add ipvs-${device} arp off type veth peer name ${device} address ${mac} arp off netns ${name}
      echo 1 >/proc/sys/net/ipv6/conf/ipvs-${device}/disable_ipv6
      ip link set ipvs-${device} up
      ip -n ${name} link set ${device} up`);
  }

  #configure(ports: readonly number[]): void {
    const namespace = this.#namespace;
    namespace.sysctl({
      'net/ipv4/ip_forward': 1,
      'net/ipv6/conf/all/forwarding': 1,
      // Every refusal is to be seen.
      'net/ipv4/icmp_ratemask': 0,
      'net/ipv6/icmp/ratelimit': 0,
    });
    for (const { family, vip, everything, insideNetwork } of TOPOLOGIES) {
      namespace.address('lo', `${vip}/${family === 4 ? 32 : 128}`);
      namespace.route(everything, { device: 'outside' });
      namespace.route(insideNetwork, { device: 'inside' });
      namespace.ip(`-${family}`, 'route', 'add', 'local', WIDE[family], 'dev', 'lo');
    }
    const marks = ports.map((port) => `${port} : ${port}`).join(', ');
    namespace.nft(`table inet marks {
      chain prerouting {
        type filter hook prerouting priority mangle
        ip daddr ${WIDE[4]} meta mark set tcp dport map { ${marks} }
        ip6 daddr ${WIDE[6]} meta mark set tcp dport map { ${marks} }
      }
    }`);
  }

  /** Carries out commands, written without `ipvsadm` before them. A service with mark 1 comes and goes to tell when. */
  ipvsadm(commands: readonly string[]): void {
    this.#isMarked = !this.#isMarked;
    const lines = [...commands, this.#isMarked ? '-A -f 1 -s rr' : '-D -f 1'];
    this.#ipvsadm.stdin.write(lines.map((line) => `${line}\n`).join(''));
    const isDone = () => /^FWM +00000001 /m.test(this.list()) === this.#isMarked;
    if (!waitFor(isDone)) throw new Error(`ipvsadm has not done: ${commands.join('; ')}`);
  }

  /** What IPVS lists: services and real servers, in its own order and notation. */
  list(): string {
    try {
      return readFileSync(`/proc/${this.#ipvsadm.child.pid}/net/ip_vs`, 'utf8');
    } catch {
      return ''; // the process has not come to load the module yet
    }
  }

  /** Puts a frame in; answers the packet that comes out. */
  pass(link: number, frame: Uint8Array): Passed | undefined {
    let passed: Passed | undefined;
    this.#ends[link]!.send(frame);
    waitFor(() => {
      passed = this.#receive();
      return passed !== undefined;
    });
    return passed;
  }

  #receive(): Passed | undefined {
    for (const link of [INSIDE, OUTSIDE]) {
      const frame = this.#ends[link]!.receive().find(isPassed);
      if (frame !== undefined) return { link, packet: frame.subarray(14) };
    }
    return undefined;
  }
}

/** Looks, blocking, until something is so; false when it takes too long. */
function waitFor(isSo: () => boolean): boolean {
  const end = performance.now() + PATIENCE;
  while (!isSo()) {
    if (performance.now() > end) return false;
    Atomics.wait(clock, 0, 0, 1);
  }
  return true;
}
