/**
 * The whole balancer, slow and obvious: a packet is read into an object, what becomes of it is decided with Maps of
 * text, and what goes out is written anew. Only what the balancer draws by itself, local address, local port, the
 * first sequence number of FULLNAT and the ids of NAT64, is taken from what it sent, after a look whether it was free
 * to.
 */
import assert from 'node:assert/strict';
import type { ResolvedConfig } from '../../lib/balancer/config/model.js';
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { INSIDE, isOneWay, MACS, OUTSIDE, type Topology } from '../support/topology.js';
import {
  type IcmpErrorName,
  icmpError,
  ipHeaderOf,
  ownSegment,
  type PlainPacket,
  readPacket,
  resetFor,
  segmentsOf,
  sizeOf,
  writePacket,
} from './balancer-packets.js';
import { leastModel } from './least-loaded.js';
import {
  type Connection,
  type Host,
  keyOf,
  load,
  type Server,
  type Service,
  servicesOf,
  TICK,
} from './parties.js';
import { headerFor, timeOut } from './proxy-header.js';
import { nextState } from './tcp-states.js';
import { type Template, Templates } from './templates.js';
import { MTU, toClient, toServer } from './translation.js';

export type Out = readonly [link: number, frame: PacketBuilder];

export class ModelBalancer {
  readonly counters = new Map<string, number>();
  readonly connections = new Map<string, Connection>();
  readonly services: readonly Service[];
  readonly #byServer = new Map<string, Connection>();
  readonly #templates: Templates;
  readonly #topology: Topology;
  readonly #count = (name: string, amount = 1): void => {
    this.counters.set(name, (this.counters.get(name) ?? 0) + amount);
  };
  #tick: number;

  constructor(config: ResolvedConfig, topology: Topology, now: number) {
    this.#topology = topology;
    this.#tick = now / TICK;
    this.services = servicesOf(config, topology);
    this.#templates = new Templates(config.settings.expireQuiescentTemplate);
  }

  /** Other weights for the real servers of a service. */
  weigh(service: number, weights: readonly number[]): void {
    this.services[service]!.servers.forEach((server, i) => {
      server.weight = weights[i]!;
    });
  }

  /** A frame came in on a link. @param sent what the balancer made of it @returns what it had to make of it */
  receive(link: number, frame: BuiltFrame, sent: readonly BuiltFrame[]): Out[] {
    const plain = readPacket(frame);
    const known = this.connections.get(keyOf(plain));
    const answering = this.#byServer.get(keyOf(plain));
    const connection = known ?? answering;
    if (connection === undefined) return this.#unknown(link, frame, plain, sent);
    if (connection.server.weight === 0 && connection.service.config.expireQuiescent) {
      this.#count('drop-server-quiesced');
      return this.#end(connection);
    }
    if (known === undefined) return this.#fromServer(connection, link, frame, plain);
    if (!this.#isRenewal(known, plain)) return this.#fromClient(known, link, frame, plain, sent);
    this.#count('connections-renewed');
    this.#unlink(known);
    const out = this.#unknown(link, frame, plain, sent);
    load(known.server, known.state, -1);
    return out;
  }

  /**
   * Time passes. @param kept whether the balancer has a template still (see Templates.expire)
   * @returns what is sent because of it, in any order
   */
  wait(milliseconds: number, kept: (template: Template) => boolean): Out[] {
    this.#tick += milliseconds / TICK;
    const before = [...this.connections.values()];
    const headers = before.flatMap((connection) => this.#resentHeader(connection));
    const over = before.filter(({ expires }) => expires <= this.#tick);
    const resets = over.flatMap((connection) => this.#end(connection));
    if (over.length > 0) this.#count('connections-expired', over.length);
    this.#templates.expire(this.#tick, before, [...this.connections.values()], kept);
    return [...headers, ...resets];
  }

  /** Every connection, every template and every real server's load and traffic, as text. */
  describe(): string[] {
    const connections = [...this.connections.values()].map(
      ({ key, server, state, expires }) => `${key} → ${server.address} ${state} until ${expires}`,
    );
    const servers = this.services.flatMap(({ servers }, i) =>
      servers.map(
        ({ address, active, inactive, traffic }) =>
          `${i} ${address}: ${active} + ${inactive}, ${Object.values(traffic)}`,
      ),
    );
    return [...connections.sort(), ...this.#templates.describe(), ...servers];
  }

  /** A connection whose real server can speak to the balancer, by a number. */
  answerable(n: number): Connection | undefined {
    const all = [...this.#byServer.values()];
    return all[n % Math.max(1, all.length)];
  }

  /** A connection, by a number. */
  known(n: number): Connection | undefined {
    const all = [...this.connections.values()];
    return all[n % Math.max(1, all.length)];
  }

  #isRenewal({ state, service, template }: Connection, { flags }: PlainPacket): boolean {
    const { mode } = service.config;
    if (!isOpening(flags) || mode === 'fullnat' || template !== undefined) return false;
    return state === 'timeWait' || state === 'close' || (state === 'finWait' && isOneWay(mode));
  }

  #unknown(link: number, frame: BuiltFrame, plain: PlainPacket, sent: readonly BuiltFrame[]): Out[] {
    const { vip, localAddresses } = this.#topology;
    if (plain.to !== vip && !localAddresses.includes(plain.to)) {
      this.#count('drop-unknown-address');
      return [];
    }
    const opening = plain.protocol === 'udp' || isOpening(plain.flags);
    const service = this.services.find(
      ({ config }) =>
        plain.to === vip && config.protocol === plain.protocol && config.port[0] === plain.toPort,
    );
    if (opening && service !== undefined) {
      return (
        this.#refusal(link, frame, plain, Number.POSITIVE_INFINITY) ??
        this.#open(link, frame, plain, service, sent)
      );
    }
    this.#count(opening ? 'drop-no-service' : 'drop-stray');
    if (plain.protocol === 'udp') return this.#answerError('port-unreachable', link, frame);
    if (plain.flags.includes('R')) return [];
    this.#count('answer-reset');
    const back = packet().ethernet({ from: MACS.balancer[link]!, to: frame.bytes.slice(6, 12) });
    return [[link, writePacket(back, resetFor(plain))]];
  }

  #open(
    link: number,
    frame: BuiltFrame,
    plain: PlainPacket,
    service: Service,
    sent: readonly BuiltFrame[],
  ): Out[] {
    const server = this.#templates.find(service, plain.from) ?? this.#schedule(service);
    if (server === undefined) {
      this.#count('drop-no-real-server');
      return this.#answerError('port-unreachable', link, frame);
    }
    const { mode, protocol } = service.config;
    const serverPort = server.port === 0 ? plain.toPort : server.port;
    const client = { address: plain.from, port: plain.fromPort };
    const serverKey = (local: Host) =>
      `${protocol} ${server.address} ${serverPort} > ${local.address} ${local.port}`;
    let local = client;
    let delta = 0;
    if (mode === 'nat' && this.#byServer.has(serverKey(client))) {
      this.#count('drop-server-side-taken');
      return [];
    }
    if (mode === 'fullnat') {
      const free = this.#pairsOf(service).filter((pair) => !this.#byServer.has(serverKey(pair)));
      if (free.length === 0) {
        this.#count('drop-no-local-port');
        return this.#answerError('port-unreachable', link, frame);
      }
      const chosen = sent[0] === undefined ? undefined : readPacket(sent[0]);
      const pair = free.find(({ address, port }) => address === chosen?.from && port === chosen.fromPort);
      assert.ok(pair !== undefined, 'the balancer chose a local pair that is free');
      local = pair;
      if (protocol === 'tcp') delta = (chosen!.seq - plain.seq) >>> 0;
    }
    const connection: Connection = {
      key: keyOf(plain),
      serverKey: isOneWay(mode) ? undefined : serverKey(local),
      service,
      server,
      serverPort,
      client,
      vip: { address: plain.to, port: plain.toPort },
      local,
      template: this.#templates.remember(service, client.address, server, this.#tick),
      state: 'none',
      expires: 0,
      clientIsn: plain.seq,
      delta,
      header: undefined,
      firstByte: undefined,
      progress: undefined,
    };
    this.connections.set(connection.key, connection);
    if (connection.serverKey !== undefined) this.#byServer.set(connection.serverKey, connection);
    load(server, 'none', 1);
    server.traffic.connections++;
    this.#count('connections-new');
    return this.#fromClient(connection, link, frame, plain, sent);
  }

  #pairsOf({ config }: Service): Host[] {
    const [first, last] = config.localPorts!;
    return config.localAddresses.flatMap((address) =>
      Array.from({ length: last - first + 1 }, (_, i) => ({ address, port: first + i })),
    );
  }

  #schedule(service: Service): Server | undefined {
    const { servers, config } = service;
    if (config.scheduler !== 'rr') return leastModel(config.scheduler as 'lc' | 'wlc', servers, 'kernel');
    for (let step = 1; step <= servers.length; step++) {
      const index = (service.last + step) % servers.length;
      if (servers[index]!.weight === 0) continue;
      service.last = index;
      return servers[index];
    }
    return undefined;
  }

  #fromClient(
    connection: Connection,
    link: number,
    frame: BuiltFrame,
    plain: PlainPacket,
    sent: readonly BuiltFrame[],
  ): Out[] {
    const { service, server, client } = connection;
    const { mode } = service.config;
    const tunnel = mode === 'tun' ? ipHeaderOf(server.address) : 0;
    const shrunk = mode === 'tun' ? 0 : ipHeaderOf(client.address) - ipHeaderOf(server.address);
    const refusal = this.#refusal(link, frame, plain, MTU - tunnel + shrunk);
    if (refusal !== undefined) return refusal;
    this.#enter(connection, plain, isOneWay(mode) ? 'one-way' : 'client');
    const { segments, bytes } = sizeOf(plain);
    server.traffic.packetsIn += segments;
    server.traffic.bytesIn += bytes;
    const ethernet = packet().ethernet({ from: MACS.balancer[INSIDE], to: server.mac });
    const next = { ...plain, ttl: plain.ttl - 1 };
    if (mode === 'dr') return this.#forward(INSIDE, [writePacket(ethernet, next)]);
    if (mode === 'tun') return this.#forward(INSIDE, this.#tunneled(ethernet, server, next));
    this.#noteReuse(connection, plain, sent);
    const header = this.#headerFor(connection, plain);
    const idOf = () => readPacket(sent.at(-1)!).id;
    const main = writePacket(ethernet, toServer(connection, plain, idOf, this.#count));
    return [...header, ...this.#forward(INSIDE, [main])];
  }

  #forward(link: number, frames: readonly PacketBuilder[]): Out[] {
    this.#count('frames-forwarded', frames.length);
    return frames.map((frame) => [link, frame]);
  }

  #tunneled(ethernet: PacketBuilder, server: Server, plain: PlainPacket): PacketBuilder[] {
    const segments = segmentsOf(plain);
    // The last one is the frame itself.
    if (segments.length > 1) this.#count('segments-made', segments.length - 1);
    const from = this.#topology.localAddresses[0]!;
    return segments.map((segment) => {
      const { ttl, trafficClass, dontFragment } = segment;
      const outer = { from, to: server.address, ttl, trafficClass, dontFragment };
      return writePacket(ethernet.ip({ ...outer, id: dontFragment ? 0 : segment.id }), segment);
    });
  }

  /** FULLNAT: a SYN with another number begins anew on the same pair. */
  #noteReuse(connection: Connection, { flags, seq }: PlainPacket, sent: readonly BuiltFrame[]): void {
    const { service, state } = connection;
    if (service.config.mode !== 'fullnat' || !isOpening(flags) || seq === connection.clientIsn) return;
    if (state !== 'synReceived' && state !== 'synSent') return;
    this.#count('connections-reused');
    connection.clientIsn = seq;
    connection.header = undefined;
    connection.firstByte = undefined;
    connection.progress = undefined;
    connection.delta = sent[0] === undefined ? 0 : (readPacket(sent[0]).seq - seq) >>> 0;
  }

  /** A PROXY header goes ahead of the first segment after the SYN that acknowledges something. */
  #headerFor(connection: Connection, { flags, ack, window }: PlainPacket): Out[] {
    const { service, client, vip, firstByte, header } = connection;
    if (service.config.clientAddress !== 'proxy-v2' || header !== undefined || firstByte === undefined)
      return [];
    if (!flags.includes('A') || /[SR]/.test(flags)) return [];
    this.#count('proxy-header-sent');
    connection.header = headerFor(client, vip, ack, window, this.#tick);
    return this.#ownHeader(connection);
  }

  #resentHeader(connection: Connection): Out[] {
    const fate = connection.header && timeOut(connection.header, this.#tick);
    if (fate === undefined) return [];
    this.#count(`proxy-header-${fate}`);
    return fate === 'resent' ? this.#ownHeader(connection) : [];
  }

  #ownHeader({ header, local, server, serverPort, clientIsn, delta }: Connection): Out[] {
    const { bytes: payload, ack, window } = header!;
    const seq = (clientIsn + 1 + delta) >>> 0;
    const to = { address: server.address, port: serverPort };
    return this.#own(INSIDE, server.mac, local, to, { flags: 'PA', seq, ack, window, payload });
  }

  #fromServer(connection: Connection, link: number, frame: BuiltFrame, plain: PlainPacket): Out[] {
    const { server, client } = connection;
    const refusal = this.#refusal(
      link,
      frame,
      plain,
      MTU + ipHeaderOf(server.address) - ipHeaderOf(client.address),
    );
    if (refusal !== undefined) return refusal;
    this.#enter(connection, plain, 'server');
    const { segments, bytes } = sizeOf(plain);
    server.traffic.packetsOut += segments;
    server.traffic.bytesOut += bytes;
    const ethernet = packet().ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway });
    return this.#forward(OUTSIDE, [writePacket(ethernet, toClient(connection, plain, this.#count))]);
  }

  /** Why a packet goes no further: what is answered then. @param mtu what it may have at most */
  #refusal(link: number, frame: BuiltFrame, plain: PlainPacket, mtu: number): Out[] | undefined {
    if (plain.ttl <= 1) {
      this.#count('drop-ttl-expired');
      return this.#answerError('time-exceeded', link, frame);
    }
    if (sizeOf(plain).largest <= mtu || !plain.dontFragment) return undefined;
    this.#count('drop-too-big');
    return this.#answerError('too-big', link, frame, mtu);
  }

  #enter(connection: Connection, { protocol, flags }: PlainPacket, sender: 'client' | 'server' | 'one-way') {
    const { server, service, state: before } = connection;
    connection.state = protocol === 'udp' ? 'udp' : nextState(before, flags, sender);
    load(server, before, -1);
    load(server, connection.state, 1);
    connection.expires = this.#tick + (service.config.timeouts[connection.state] * 1000) / TICK;
  }

  #unlink({ key, serverKey }: Connection): void {
    this.connections.delete(key);
    if (serverKey !== undefined) this.#byServer.delete(serverKey);
  }

  #end(connection: Connection): Out[] {
    const { server, serverPort, state, progress, local, vip, client } = connection;
    this.#unlink(connection);
    load(server, state, -1);
    if (state !== 'established' || progress === undefined) return [];
    this.#count('reset-on-expiry', 2);
    const to = { address: server.address, port: serverPort };
    return [
      ...this.#own(INSIDE, server.mac, local, to, { flags: 'R', seq: progress.acknowledged }),
      ...this.#own(OUTSIDE, MACS.gateway, vip, client, { flags: 'R', seq: progress.end }),
    ];
  }

  /** A segment of the balancer's own. */
  #own(link: number, mac: string, from: Host, to: Host, segment: Parameters<typeof ownSegment>[2]): Out[] {
    const below = packet().ethernet({ from: MACS.balancer[link]!, to: mac });
    return [[link, writePacket(below, ownSegment(from, to, segment))]];
  }

  #answerError(name: IcmpErrorName, link: number, frame: BuiltFrame, mtu = 0): Out[] {
    this.#count('answer-icmp-error');
    return [[link, icmpError(name, link, frame, mtu)]];
  }
}

function isOpening(flags: string): boolean {
  return flags.includes('S') && !/[ARF]/.test(flags);
}
