import { formatById } from '../../toa/registry.js';
import { isIpv4, wordsOf } from '../address-words.js';
import { defaultFormat } from '../config/defaults.js';
import type { ForwardingMode, Profile, Protocol, ResolvedService } from '../config/model.js';
import { type PortRange, portRange } from '../config/ports.js';
import { STATES } from '../connection/state.js';
import { ticksOf } from '../connection/timer-wheel.js';
import type { Forwarding } from '../forwarding/forwarding.js';
import { forwardingOf } from '../forwarding/index.js';
import type { PacketIds } from '../forwarding/packet-ids.js';
import type { ToaSetting } from '../forwarding/toa.js';
import { maskOf, Network } from '../network.js';
import { SynProtection } from '../syn-proxy/protection.js';
import { LocalAddresses } from './local-addresses.js';
import type { PortUse } from './port-use.js';
import type { RealServer } from './real-server.js';
import { SCHEDULERS } from './schedulers/index.js';
import type { Scheduler } from './schedulers/scheduler.js';

/** What services share with each other. */
export interface ServiceSurroundings {
  readonly profile: Profile;
  readonly portUse: PortUse;
  readonly packetIds: PacketIds;
  /** The next of a stream of uniform uint32. */
  readonly random: () => number;
}

/** A service's rates a second. */
export interface Rates {
  readonly connectionsPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

/** How long a client is remembered, and what of its address. */
export interface Persistence {
  readonly ticks: number;
  readonly mask: Int32Array;
}

/** Of a mode that binds no local ports. */
const NO_PORTS: readonly [number, number] = [1, 1];

/** The addresses and ports that clients connect to, and everything that decides where their connections go. */
export class VirtualService {
  readonly index: number;
  readonly protocol: Protocol;
  readonly mode: ForwardingMode;
  readonly forwarding: Forwarding;
  /** Real servers answer past the balancer. */
  readonly oneWay: boolean;
  /** Its real servers in the configuration, in the scheduler's order. */
  realServers: readonly RealServer[] = [];
  /** Everything that may change while it has connections. */
  config!: ResolvedService;
  name!: string;
  networks!: readonly Network[];
  ports!: readonly PortRange[];
  scheduler!: Scheduler;
  localAddresses!: LocalAddresses;
  toa!: ToaSetting;
  /** The client's address goes ahead of its first byte (`clientAddress: 'proxy-v2'`). */
  sendsProxyHeader = false;
  /** Connections end whose real server was removed or quiesced. */
  expireQuiescent = false;
  persistence!: Persistence | undefined;
  /** Ticks that a connection lives after its last packet, by state; another array when they are others. */
  timeouts!: Int32Array;
  /** Whether the balancer shakes hands for it (SYN proxy). */
  readonly synProtection = new SynProtection();
  /** New connections are refused until its rates are lower. */
  isOverRate = false;
  #limits!: ResolvedService['limits'];
  readonly #surroundings: ServiceSurroundings;
  /** Weights and ports of its real servers, as the scheduler was told. */
  #told: readonly number[] = [];

  constructor(config: ResolvedService, index: number, surroundings: ServiceSurroundings) {
    this.index = index;
    this.protocol = config.protocol;
    this.mode = config.mode;
    this.forwarding = forwardingOf(config, surroundings.packetIds);
    this.oneWay = config.mode === 'dr' || config.mode === 'tun';
    this.#surroundings = surroundings;
    this.configure(config);
  }

  /**
   * Takes over the settings of a configuration in which the service is the same (config/pairing.ts): it has its
   * protocol, its mode, and addresses of the same families.
   */
  configure(config: ResolvedService): void {
    const { profile, portUse, random } = this.#surroundings;
    const before: ResolvedService | undefined = this.config;
    this.config = config;
    this.name = config.name;
    if (before === undefined || !sameText(before, config, ['address', 'port'])) {
      this.networks = config.address.map((text) => new Network(text));
      this.ports = config.port.map(portRange);
    }
    if (before === undefined || !sameText(before, config, ['scheduler', 'schedulerFlags'])) {
      this.scheduler = new SCHEDULERS[config.scheduler]({
        profile,
        withPort: config.schedulerFlags.some((flag) => flag.endsWith('-port')),
        fallback: config.schedulerFlags.some((flag) => flag.endsWith('-fallback')),
        random,
      });
      this.scheduler.update(this.realServers);
    }
    if (before === undefined || !sameText(before, config, ['localAddresses', 'localPorts'])) {
      const addresses = config.localAddresses.map(wordsOf);
      const [first, last] = config.localPorts ?? NO_PORTS;
      this.localAddresses = new LocalAddresses(addresses, { first, last }, portUse, random());
      portUse.isStale = true;
    }
    const { toa } = config;
    this.toa = {
      shared: config.mode === 'fullnat',
      onSyn: toa?.on.includes('syn') ?? false,
      onAck: toa?.on.includes('ack') ?? false,
      format: formatById(toa?.format ?? defaultFormat[this.networks[0]!.ipv4 ? 4 : 6]),
      cascade: toa?.cascade ?? false,
      prune: toa?.prune ?? 'none',
    };
    this.expireQuiescent = config.expireQuiescent;
    this.sendsProxyHeader = config.clientAddress === 'proxy-v2';
    this.synProtection.configure(config.timeouts.synReceived, config.synProxy);
    this.#limits = config.limits;
    this.persistence = config.persistence && {
      ticks: ticksOf(config.persistence.timeout),
      mask: maskOf(config.persistence.prefix + (this.networks[0]!.ipv4 ? 96 : 0)),
    };
    if (before === undefined || !sameText(before, config, ['timeouts'])) {
      this.timeouts = Int32Array.from(STATES, (state) => ticksOf(config.timeouts[state]));
    }
  }

  /**
   * The scheduler is told only of what differs: its cursor and its tables stay where they are else.
   * @param servers in the configuration's order; Linux and its descendants put a new one in front
   */
  setRealServers(servers: readonly RealServer[]): void {
    const ordered = this.#surroundings.profile === 'alibaba' ? servers.toReversed() : servers;
    const told = ordered.flatMap(({ weight, port }) => [weight, port]);
    if (sameItems(ordered, this.realServers) && sameItems(told, this.#told)) return;
    this.realServers = ordered;
    this.#told = told;
    this.scheduler.update(ordered);
  }

  /** Whether the address that stands in `words` at `at` is one of its VIPs. */
  hasAddress(words: Int32Array, at: number): boolean {
    return this.networks.some((network) =>
      network.contains(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!),
    );
  }

  /** Whether a real server may take a new connection at all; its scheduler may find none all the same. */
  get hasEligibleServer(): boolean {
    for (const server of this.realServers) if (server.eligible) return true;
    return false;
  }

  /** Its rates are new: compares them with its limits (cps_limit and bps_limit of LVS's patches). */
  judgeRates(rates: Rates): void {
    const { connectionsPerSecond, bytesPerSecond } = this.#limits;
    this.isOverRate =
      (connectionsPerSecond > 0 && rates.connectionsPerSecond > connectionsPerSecond) ||
      (bytesPerSecond > 0 && rates.bytesInPerSecond + rates.bytesOutPerSecond > bytesPerSecond);
  }

  /** TUN: the local address that the outer header for a real server comes from. */
  tunnelSource(server: RealServer): Int32Array {
    const ipv4 = isIpv4(server.address);
    return this.localAddresses.addresses.find((address) => isIpv4(address) === ipv4)!;
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function sameText(a: ResolvedService, b: ResolvedService, keys: readonly (keyof ResolvedService)[]): boolean {
  return keys.every((key) => JSON.stringify(a[key]) === JSON.stringify(b[key]));
}
