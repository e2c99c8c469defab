/** What stands below the transport header of a connection's packets, on each of its four sides. */
import type { ForwardingMode } from '../../lib/balancer/config/model.js';
import { type Ipv4Fields, type Ipv6Fields, type PacketBuilder, packet } from './packet-builder.js';
import type { Sent } from './rig.js';
import { INSIDE, MACS, OUTSIDE, type Topology } from './topology.js';
import { addressText } from './wire.js';

export type IpWishes = Partial<Ipv4Fields & Ipv6Fields>;

/** One side: the link, the headers, and the ports for the next one. */
export interface Side {
  readonly link: number;
  readonly below: PacketBuilder;
  readonly from: number;
  readonly to: number;
}

export interface Ends {
  readonly topology: Topology;
  readonly mode: ForwardingMode;
  readonly clientAddress: string;
  readonly clientPort: number;
  /** The one that the client connects to. */
  readonly servicePort: number;
}

export class Ways {
  /** The pair that the real server sees the client as, and which real server it is. */
  localAddress = '';
  localPort = 0;
  server = 0;
  readonly #ends: Ends;

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  /** Takes from a forwarded first packet what the balancer has chosen. */
  learn({ link, decoded }: Sent): void {
    const { mode, topology } = this.#ends;
    const { ip, tcp, udp } = mode === 'tun' ? (decoded.inner ?? {}) : decoded;
    const ports = tcp ?? udp;
    if (ip === undefined || ports === undefined || link !== INSIDE) throw new Error('nothing went inside');
    this.localAddress = addressText(mode === 'tun' ? decoded.ip!.from : ip.from);
    this.localPort = ports.from;
    this.server =
      mode === 'dr'
        ? topology.realServers.findIndex((_, n) => MACS.server(n) === decoded.to)
        : topology.realServers.indexOf(addressText(decoded.ip!.to));
  }

  /** What the client sends, as the gateway hands it to the balancer. */
  client(ip: IpWishes = {}): Side {
    const { topology, clientAddress, clientPort, servicePort } = this.#ends;
    const below = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from: clientAddress, to: topology.vip, ...ip });
    return { link: OUTSIDE, below, from: clientPort, to: servicePort };
  }

  /** What the real server must receive. @param outer TUN: what is otherwise in the outer header than in the inner */
  toServer(ip: IpWishes = {}, outer: IpWishes = {}): Side {
    const { topology, mode, clientAddress, clientPort, servicePort } = this.#ends;
    const ethernet = packet().ethernet({ from: MACS.balancer[INSIDE], to: MACS.server(this.server) });
    const to = topology.realServers[this.server]!;
    if (mode === 'nat' || mode === 'fullnat') {
      const below = ethernet.ip({ from: this.localAddress, to, ttl: 63, ...ip });
      return { link: INSIDE, below, from: this.localPort, to: this.#serverPort };
    }
    const { ttl = 63, trafficClass = 0 } = ip;
    const around = { from: this.localAddress, to, ttl, trafficClass, ...outer };
    const below = (mode === 'tun' ? ethernet.ip(around) : ethernet).ip({
      from: clientAddress,
      to: topology.vip,
      ttl: 63,
      ...ip,
    });
    return { link: INSIDE, below, from: clientPort, to: servicePort };
  }

  /** What the real server sends, as it comes to the balancer. */
  fromServer(ip: IpWishes = {}): Side {
    const from = this.#ends.topology.realServers[this.server]!;
    const below = packet()
      .ethernet({ from: MACS.server(this.server), to: MACS.balancer[INSIDE] })
      .ip({ from, to: this.localAddress, ...ip });
    return { link: INSIDE, below, from: this.#serverPort, to: this.localPort };
  }

  /** What the client must receive. */
  toClient(ip: IpWishes = {}): Side {
    const { topology, clientAddress, clientPort, servicePort } = this.#ends;
    const below = packet()
      .ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway })
      .ip({ from: topology.vip, to: clientAddress, ttl: 63, ...ip });
    return { link: OUTSIDE, below, from: servicePort, to: clientPort };
  }

  get #serverPort(): number {
    return this.#ends.topology.serverPort;
  }
}
