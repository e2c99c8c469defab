import { randomBytes } from 'node:crypto';
import {
  type Application,
  Balancer,
  type ResolvedConfig,
  type Snapshot,
  type TracedClient,
  Tracer,
  type TraceStep,
} from '../balancer/index.js';
import { PacketSocketLink, packetSocketArena } from '../link/index.js';
import { type NativeAddon, requireNative } from '../native.js';
import { nativeError } from '../native-error.js';
import { lowerBackgroundThreads } from './background-threads.js';
import { Forwarder } from './forwarder.js';
import { hugePages } from './huge-pages.js';
import { raiseInliningLimits } from './inlining.js';
import { importRoutes, mergeRoutes } from './routes.js';
import { Shield } from './shield.js';
import { shieldedBy } from './shielded.js';

export interface RunOptions {
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Add the kernel's routes over the same interfaces, as they are at the start and at each reload. */
  readonly importRoutes?: boolean;
  /** Follow a client's packets, each told with what became of it. */
  readonly trace?: { readonly client: TracedClient; readonly tell: (step: TraceStep) => void } | undefined;
  /** Called once, when frames are balanced. */
  readonly onReady?: (running: RunningBalancer) => void;
}

/** What can be asked of a balancer while it runs and after it. */
export interface RunningBalancer {
  /** The nftables table that keeps the host out; undefined where none is needed. */
  readonly shield: string | undefined;
  /** Every counter by its name; those of links are called `link.INTERFACE.COUNTER`. */
  counters(): Record<string, number>;
  /** What was balanced, by service and real server. */
  statistics(): Snapshot;
  /**
   * Takes over another configuration; connections live on.
   * @returns what differed; or every fault, and then all is as it was
   * @throws ToaError ERR_TOA_SHIELD, ERR_TOA_COMMAND, likewise
   */
  reload(config: ResolvedConfig): Application;
}

/**
 * Runs a balancer on the interfaces of its configuration until the signal comes, and leaves the host as it was.
 * @throws ToaError ERR_TOA_NOT_SUPPORTED without the addon, ERR_TOA_NO_INTERFACE, ERR_TOA_PERMISSION, ERR_TOA_SHIELD
 */
export async function runBalancer(config: ResolvedConfig, options: RunOptions): Promise<void> {
  raiseInliningLimits();
  lowerBackgroundThreads();
  const addon = requireNative();
  const interfaces = config.links.map((link) => link.interface);
  for (const name of interfaces) requireInterface(addon, name);
  const complete = ({ routes, ...rest }: ResolvedConfig): ResolvedConfig => ({
    ...rest,
    routes: options.importRoutes ? mergeRoutes(routes, importRoutes(rest.links)) : routes,
  });
  let current = complete(config);

  // Before the sockets: from the moment that they are open, frames wait that the host must not answer as well.
  using shield = new Shield(interfaces, shieldedBy(current));
  const arena = packetSocketArena(addon, interfaces.length);
  const links: PacketSocketLink[] = [];
  try {
    for (const name of interfaces) links.push(new PacketSocketLink(addon, name, arena));
    const balancer = new Balancer(current, {
      links,
      secret: randomBytes(32),
      now: performance.now(),
      allocate: hugePages(addon),
    });
    const { trace } = options;
    const tracer = trace && new Tracer(balancer, trace.client, trace.tell);
    using forwarder = new Forwarder(balancer, links, arena, tracer);
    forwarder.start();
    const reload = (next: ResolvedConfig): Application => {
      const wanted = complete(next);
      shield.cover(shieldedBy(current, wanted));
      const application = forwarder.apply(wanted);
      if (application.faults === undefined) current = wanted;
      const { addresses, answers } = shieldedBy(current);
      shield.cover({ addresses: [...addresses, ...balancer.formerAddresses], answers });
      return application;
    };
    options.onReady?.({
      shield: shield.table,
      counters: () => collectCounters(balancer, links),
      statistics: () => balancer.statistics.snapshot(),
      reload,
    });
    await aborted(options.signal);
  } finally {
    for (const link of links) link.close();
  }
}

function requireInterface(addon: NativeAddon, name: string): void {
  const index = addon.interfaceIndex(name);
  if (index < 0) throw nativeError(`find interface ${name}`, index);
}

function collectCounters(balancer: Balancer, links: readonly PacketSocketLink[]): Record<string, number> {
  const ofLinks = links.flatMap((link) =>
    Object.entries(link.statistics()).map(([name, value]) => [`link.${link.name}.${name}`, value] as const),
  );
  return { ...balancer.counters.snapshot(), ...Object.fromEntries(ofLinks) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
