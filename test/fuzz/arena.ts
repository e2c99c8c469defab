import assert from 'node:assert/strict';
import type { BalancerConfig } from '../../lib/balancer/config/index.js';
import { STATES } from '../../lib/balancer/connection/state.js';
import { fragmentsOf } from '../model/fragmentation.js';
import { Flow } from '../support/flow.js';
import { type FewPorts, Leftovers } from '../support/leftovers.js';
import { type BuiltFrame, packet } from '../support/packet-builder.js';
import { ProxiedFlow } from '../support/proxied-flow.js';
import { Rig } from '../support/rig.js';
import {
  IPV4,
  IPV6,
  isOneWay,
  MACS,
  NAT64,
  OUTSIDE,
  type Topology,
  TUNNEL_4_IN_6,
} from '../support/topology.js';
import { Ways } from '../support/ways.js';
import { handshakeSeeds, seeds } from './seeds.js';

type Service = Partial<BalancerConfig['services'][number]> & Pick<BalancerConfig['services'][number], 'mode'>;

/** Local ports of each FULLNAT service: few, so that all can be seen to be free in the end. */
const LOCAL_PORTS = 32;
/** In every state: short, so that connections end while frames come. */
const TIMEOUT = 5;
const FIRST_PORT = 80;

const SERVICES: readonly Service[] = [
  { mode: 'nat' },
  { mode: 'fullnat' },
  { mode: 'fullnat', clientAddress: 'proxy-v2' },
  { mode: 'fullnat', persistence: { timeout: TIMEOUT } },
  { mode: 'fullnat', synProxy: {} },
  { mode: 'fullnat', clientAddress: 'proxy-v2', synProxy: {} },
  { mode: 'nat', synProxy: { timestamp: true, reuse: ['close', 'timeWait', 'finWait', 'closeWait'] } },
  { mode: 'dr' },
  { mode: 'tun' },
  { mode: 'nat', protocol: 'udp' },
  { mode: 'fullnat', protocol: 'udp' },
  { mode: 'dr', protocol: 'udp' },
  { mode: 'tun', protocol: 'udp' },
];
/** Every way to forward, by the families of clients and real servers. */
export const ARENAS: readonly { readonly topology: Topology; readonly services: readonly Service[] }[] = [
  { topology: IPV4, services: SERVICES },
  { topology: IPV6, services: SERVICES },
  { topology: NAT64, services: [...SERVICES.slice(1, 6), { mode: 'tun' }] },
  { topology: TUNNEL_4_IN_6, services: [{ mode: 'tun' }, { mode: 'tun', protocol: 'udp' }] },
];

/** A balancer with a service of every sort, a connection under way with each, and the frames of these. */
export class Arena {
  readonly rig: Rig;
  readonly seeds: (readonly [number, BuiltFrame])[] = [];
  readonly services: readonly FewPorts[];
  /** The first and the last port that is served. */
  readonly ports: readonly [number, number];
  readonly #leftovers: Leftovers;

  constructor({ topology, services }: (typeof ARENAS)[number]) {
    this.services = services.map((service, i) => ({
      ...service,
      port: FIRST_PORT + i,
      timeouts: Object.fromEntries(STATES.map((state) => [state, TIMEOUT])),
      ...(service.mode === 'fullnat' && { localPorts: [5000 + 100 * i, 5000 + 100 * i + LOCAL_PORTS - 1] }),
    }));
    this.ports = [FIRST_PORT, FIRST_PORT + services.length - 1];
    this.rig = new Rig({ topology, services: this.services });
    this.#leftovers = new Leftovers(this.rig, this.services);
    for (const [i, { mode, protocol, synProxy }] of services.entries()) {
      const servicePort = FIRST_PORT + i;
      if (protocol === 'udp') this.#addDatagrams(mode, servicePort);
      else if (synProxy === undefined)
        this.seeds.push(...seeds(topology, new Flow(this.rig, { mode, servicePort }).half()));
      else {
        const flow = new ProxiedFlow(this.rig, { mode, servicePort, port: 40_000 + i }).begun();
        this.seeds.push(...seeds(topology, flow), ...handshakeSeeds(flow));
      }
    }
  }

  /** Whether the service at a port is behind a SYN proxy. */
  isProxied(port: number): boolean {
    return this.services[port - FIRST_PORT]?.synProxy !== undefined;
  }

  #addDatagrams(mode: Service['mode'], servicePort: number): void {
    const { topology } = this.rig;
    const clientAddress = topology.client(7);
    const ways = new Ways({ topology, mode, clientAddress, clientPort: 51514, servicePort });
    const { link, below, from, to } = ways.client();
    const first = below.udp({ from, to }).payload(60);
    const [sent] = this.rig.send(link, first);
    assert.ok(sent);
    ways.learn(sent);
    const back = ways.fromServer();
    const answer = back.below.udp({ from: back.from, to: back.to }).payload(60);
    this.seeds.push([link, first.build()]);
    if (!isOneWay(mode)) this.seeds.push([back.link, answer.build()]);
    const header = 14 + topology.ipHeader;
    const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] });
    const ends = { from: clientAddress, to: topology.vip };
    const datagram = { ...ends, below: ethernet, id: 9, body: first.bytes().slice(header) };
    for (const fragment of fragmentsOf(datagram, 40)) this.seeds.push([OUTSIDE, fragment.build()]);
  }

  /** Fails unless everything that was taken is free again, when all connections' time is over. */
  assertNothingKept(): void {
    this.#leftovers.assertNone();
    this.#leftovers.assertAllFree();
  }
}
