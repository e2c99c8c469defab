import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';
import { program } from '../network/program.js';
import type { Pace } from './frame-blaster.js';
import { SPOOFED_NETWORKS, type SpoofedKind, type SpoofedTarget } from './spoofed-segments.js';

/** What went out, and in how many seconds. */
export interface FloodReport {
  readonly sent: number;
  readonly seconds: number;
}

/** SYN-ACKs and RSTs that came back. */
export interface FloodAnswers {
  readonly synAcks: number;
  readonly resets: number;
}

/** Floods a service from an interface of a namespace, and counts the answers, which nobody gets to see. */
export class Flood {
  readonly #namespace: Namespace;
  readonly #device: string;

  constructor(namespace: Namespace, device: string) {
    this.#namespace = namespace;
    this.#device = device;
    namespace.nft(`table netdev flood {
      counter synacks {
      }
      counter resets {
      }
      chain count {
        tcp flags & (syn | ack) == (syn | ack) counter name synacks
        tcp flags & rst == rst counter name resets
        drop
      }
      chain answers {
        type filter hook ingress device "${device}" priority 0
        ip daddr ${SPOOFED_NETWORKS[4]} jump count
        ip6 daddr ${SPOOFED_NETWORKS[6]} jump count
      }
    }`);
  }

  /** Begins to flood. `finishFlood` tells how it went. */
  start({ address, port, macs }: SpoofedTarget, kinds: readonly SpoofedKind[], pace: Pace): RunningProcess {
    const where = [this.#device, macs.from, macs.to, address, port, kinds, pace.perSecond, pace.seconds];
    return this.#namespace.start(process.execPath, [program('syn-flood'), ...where.map(String)]);
  }

  /** Floods to the end, and counts what came back to it. */
  async run(
    target: SpoofedTarget,
    kinds: readonly SpoofedKind[],
    pace: Pace,
  ): Promise<FloodReport & FloodAnswers> {
    const before = this.answers();
    const report = await finishFlood(this.start(target, kinds, pace));
    const { synAcks, resets } = this.answers();
    return { ...report, synAcks: synAcks - before.synAcks, resets: resets - before.resets };
  }

  /** To all floods so far. */
  answers(): FloodAnswers {
    return { synAcks: this.#count('synacks'), resets: this.#count('resets') };
  }

  #count(counter: string): number {
    const text = this.#namespace.execute('nft', 'list', 'counter', 'netdev', 'flood', counter);
    return Number(/packets (\d+)/.exec(text)?.[1]);
  }
}

/** Waits until a flood is over. Throws where it has failed. */
export async function finishFlood(running: RunningProcess): Promise<FloodReport> {
  const { code, stdout, stderr } = await running.finished();
  if (code !== 0) throw new Error(`the flood ended: ${stderr}`);
  return JSON.parse(stdout.toString().split('\n')[1] ?? '') as FloodReport;
}
