/** Linux's own IPVS as the oracle: our schedulers must pick the real servers that it picks, our accounting must be its own. */
import { ok, strictEqual } from 'node:assert/strict';
import { Network } from '../../../cli/namespaces/network.js';
import type { SchedulerFlag, SchedulerName } from '../../../lib/balancer/config/index.js';
import type { Case } from '../guest/guest.js';
import type { ServiceUnderTest } from '../oracle/balancing.js';
import { IpvsNamespace } from '../oracle/ipvs-namespace.js';
import { LinuxIpvs } from '../oracle/linux-ipvs.js';
import { OurBalancer } from '../oracle/our-balancer.js';
import type { Recording } from '../oracle/recording.js';
import { replay } from '../oracle/replay.js';
import { record } from '../oracle/script.js';

/** The kernel whose hashes, overheads and thresholds the profile `kernel` has. */
const KERNEL = 6012;

/** The last of the seeds has IPv6. */
const SEEDS = [1, 2, 3, 4, 5, 6] as const;
/** How often a script is played again because the guest was too slow for it. */
const ATTEMPTS = 6;

/** What a recording must hold to mean anything. */
const WANTED = { opened: 300, servers: 3, clients: 64, destinations: 64, renewed: 10 } as const;

interface Discipline {
  readonly scheduler: SchedulerName;
  readonly flags?: readonly SchedulerFlag[];
  readonly protocol?: 'udp';
  /** Clients are remembered by their networks. */
  readonly isPersistent?: boolean;
  /** It looks at the destination, of which there must be many. */
  readonly isWide?: boolean;
  /** Weights go up to this; default 10. Where they are compared with connections, these must be alike. */
  readonly heaviest?: number;
}

/** All but `twos`, which draws lots. */
const disciplines: readonly Discipline[] = [
  { scheduler: 'rr' },
  { scheduler: 'wrr' },
  { scheduler: 'lc' },
  { scheduler: 'wlc' },
  { scheduler: 'lblc', isWide: true, heaviest: 60 },
  { scheduler: 'lblcr', isWide: true, heaviest: 60 },
  { scheduler: 'dh', isWide: true },
  { scheduler: 'sh' },
  { scheduler: 'sh', flags: ['sh-port'] },
  { scheduler: 'sh', flags: ['sh-fallback'] },
  { scheduler: 'sed' },
  { scheduler: 'nq' },
  { scheduler: 'mh' },
  { scheduler: 'mh', flags: ['mh-port'] },
  { scheduler: 'mh', flags: ['mh-fallback'] },
  { scheduler: 'fo' },
  { scheduler: 'ovf', heaviest: 60 },
  { scheduler: 'rr', isPersistent: true },
  { scheduler: 'wlc', isPersistent: true, isWide: true },
  { scheduler: 'rr', protocol: 'udp' },
  { scheduler: 'wlc', protocol: 'udp' },
  { scheduler: 'sh', flags: ['sh-port'], protocol: 'udp' },
  { scheduler: 'lc', protocol: 'udp', isPersistent: true },
];

/** Bits of a client's address that are remembered: not whole bytes or groups. */
const REMEMBERED = { 4: 20, 6: 52 } as const;

function nameOf({ scheduler, flags = [], isPersistent, isWide, protocol }: Discipline): string {
  const settings = [
    ...(isPersistent ? ['persistent'] : []),
    ...(isWide ? ['wide'] : []),
    ...(protocol ? ['UDP'] : []),
  ];
  return [scheduler, ...flags, ...settings].join(' ');
}

export const ipvsCases: readonly Case[] = disciplines.map((discipline) => {
  const { scheduler, flags = [], protocol = 'tcp', isPersistent, isWide = false, heaviest = 10 } = discipline;
  return {
    name: `IPVS ${nameOf(discipline)}: our balancer does with every packet what Linux does`,
    patience: 120,
    unless: ({ kernel }) => {
      if (kernel !== KERNEL) return 'our profile is that of Linux 6.12';
      return process.arch === 'x64' ? undefined : 'IPVS is the same on every kind of machine';
    },
    run: async () => {
      const { namespace, ports } = prepare();
      return SEEDS.map((seed) => {
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
          const family = seed === SEEDS.length ? 6 : 4;
          const persistence = isPersistent ? REMEMBERED[family] : undefined;
          const service: ServiceUnderTest = {
            ...{ scheduler, flags, protocol, family, isWide, persistence },
            port: ports.pop()!,
          };
          const linux = new LinuxIpvs(namespace, service);
          const recording = record(linux, { service, seed, heaviest, slow: attempt });
          linux.close();
          if (recording !== undefined) return recording;
        }
        throw new Error(`the guest is too slow: connections expired in ${ATTEMPTS} attempts`);
      });
    },
    judge: (evidence) => {
      const recordings = evidence as readonly Recording[];
      strictEqual(recordings.length, SEEDS.length);
      for (const recording of recordings) {
        const extent = replay(recording, new OurBalancer(recording.service));
        for (const [name, wanted] of Object.entries(WANTED)) {
          if (name === 'destinations' && !isWide) continue;
          if (name === 'renewed' && (isPersistent || protocol === 'udp')) continue;
          const got = extent[name as keyof typeof WANTED];
          ok(got >= wanted, `seed ${recording.seed}: ${got} ${name}, wanted ${wanted}`);
        }
      }
    },
  };
});

let prepared: { namespace: IpvsNamespace; ports: number[] } | undefined;

/**
 * The namespace, which lasts as long as the guest: to make one takes a slow guest as long as two scripts. Each script gets a
 * port of its own, since what it leaves in the kernel's connection table stays there for minutes.
 */
function prepare(): NonNullable<typeof prepared> {
  if (prepared === undefined) {
    const ports = Array.from({ length: disciplines.length * SEEDS.length * ATTEMPTS }, (_, i) => 1000 + i);
    prepared = { namespace: new IpvsNamespace(new Network(), ports), ports };
  }
  return prepared;
}
