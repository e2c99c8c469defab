import { randomBytes } from 'node:crypto';
import { Balancer, type ResolvedConfig } from '../balancer/index.js';
import { Arena, PACKET_SOCKET_SLOTS, PacketSocketLink } from '../link/index.js';
import { type NativeAddon, requireNative } from '../native.js';
import { nativeError } from '../native-error.js';
import { Forwarder } from './forwarder.js';
import { raiseInliningLimits } from './inlining.js';
import { importRoutes, mergeRoutes } from './routes.js';
import { Shield } from './shield.js';
import { shieldedBy } from './shielded.js';

export interface RunOptions {
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Add the kernel's routes over the same interfaces, as they are at the start. */
  readonly importRoutes?: boolean;
  /** Called once, when frames are balanced. */
  readonly onReady?: (running: RunningBalancer) => void;
}

/** What can be asked of a balancer while it runs and after it. */
export interface RunningBalancer {
  /** The nftables table that keeps the host out; undefined where none is needed. */
  readonly shield: string | undefined;
  /** Every counter by its name; those of links are called `link.NAME.COUNTER`. */
  counters(): Record<string, number>;
}

/**
 * Runs a balancer on the interfaces of its configuration until the signal comes, and leaves the host as it was.
 * @throws ToaError ERR_TOA_NOT_SUPPORTED without the addon, ERR_TOA_NO_INTERFACE, ERR_TOA_PERMISSION, ERR_TOA_SHIELD
 */
export async function runBalancer(config: ResolvedConfig, options: RunOptions): Promise<void> {
  raiseInliningLimits();
  const addon = requireNative();
  const interfaces = config.links.map((link) => link.interface);
  for (const name of interfaces) requireInterface(addon, name);
  const routes = options.importRoutes
    ? mergeRoutes(config.routes, importRoutes(config.links))
    : config.routes;

  // Before the sockets: from the moment that they are open, frames wait that the host must not answer as well.
  using shield = new Shield(interfaces, shieldedBy(config));
  const arena = new Arena(interfaces.length * PACKET_SOCKET_SLOTS);
  const links: PacketSocketLink[] = [];
  try {
    for (const name of interfaces) links.push(new PacketSocketLink(addon, name, arena));
    const environment = { links, secret: randomBytes(32), now: performance.now() };
    const balancer = new Balancer({ ...config, routes }, environment);
    const forwarder = new Forwarder(balancer, links, arena);
    forwarder.start();
    options.onReady?.({ shield: shield.table, counters: () => collectCounters(balancer, links) });
    await aborted(options.signal);
    forwarder.stop();
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
