/**
 * The whole balancer, slow and obvious: a packet is read into an object, what becomes of it is decided with Maps of
 * text, and what goes out is written anew. Only what the balancer draws by itself, local address, local port and the
 * first sequence number of FULLNAT, is taken from what it sent, after a look whether it was free to.
 */
import assert from 'node:assert/strict';
import type { ResolvedConfig } from '../../lib/balancer/config/model.js';
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { INSIDE, isOneWay, MACS, OUTSIDE, type Topology } from '../support/topology.js';
import { hostPort } from '../support/wire.js';
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
import { type CookieFlow, CookieModel } from './syn-cookie.js';
import { agree, answerTo, type Handshake, handshakeOf, isStorm, SYN_TICKS, synFor } from './syn-proxy.js';
import { type ModelState, nextState } from './tcp-states.js';
import { type Template, Templates } from './templates.js';
import { IPV6_MTU, inServersTerms, MTU, toClient, toServer } from './translation.js';

export type Out = readonly [link: number, frame: PacketBuilder];

export class ModelBalancer {
  readonly counters = new Map<string, number>();
  readonly connections = new Map<string, Connection>();
  readonly services: readonly Service[];
  readonly #byServer = new Map<string, Connection>();
  readonly #templates: Templates;
  readonly #topology: Topology;
  readonly #cookies: CookieModel;
  readonly #count = (name: string, amount = 1): void => {
    this.counters.set(name, (this.counters.get(name) ?? 0) + amount);
  };
  #tick: number;

  constructor(config: ResolvedConfig, topology: Topology, secret: Uint8Array, now: number) {
    this.#topology = topology;
    this.#cookies = new CookieModel(secret.subarray(8, 24));
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
    const done =
      known === undefined
        ? this.#proxiedServer(connection, link, frame, plain)
        : this.#proxiedClient(known, link, frame, plain, sent);
    if (done !== undefined) return done;
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
    const due = before.filter(({ expires }) => expires <= this.#tick);
    const syns = due.flatMap((connection) => this.#resentSyn(connection));
    const over = due.filter(({ expires }) => expires <= this.#tick);
    const resets = over.flatMap((connection) => this.#end(connection));
    if (over.length > 0) this.#count('connections-expired', over.length);
    this.#templates.expire(this.#tick, before, [...this.connections.values()], kept);
    return [...headers, ...syns, ...resets];
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

  /** A connection whose real server can speak to the balancer, by a number; -1: the newest. */
  answerable(n: number): Connection | undefined {
    const all = [...this.#byServer.values()];
    return all.at(n % Math.max(1, all.length));
  }

  /** A connection, by a number. */
  known(n: number): Connection | undefined {
    const all = [...this.connections.values()];
    return all[n % Math.max(1, all.length)];
  }

  #isRenewal({ state, service, template }: Connection, { flags }: PlainPacket): boolean {
    const { mode } = service.config;
    if (!isOpening(flags) || template !== undefined) return false;
    if (mode === 'fullnat') return isProxied(service) && mayReuse(service, state);
    return state === 'timeWait' || state === 'close';
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
      if (isProxied(service)) return this.#greet(link, frame, plain, service);
      return (
        this.#refusal(link, frame, plain, Number.POSITIVE_INFINITY) ??
        this.#open(link, frame, plain, service, sent)
      );
    }
    if (service !== undefined && this.#mayBringCookie(service, plain))
      return this.#cookieAck(link, frame, plain, service, sent);
    return this.#stray(opening ? 'drop-no-service' : 'drop-stray', link, frame, plain);
  }

  /** @param answered whether a segment gets a reset */
  #stray(reason: string, link: number, frame: BuiltFrame, plain: PlainPacket, answered = true): Out[] {
    this.#count(reason);
    if (plain.protocol === 'udp') return this.#answerError('port-unreachable', link, frame);
    if (plain.flags.includes('R') || !answered) return [];
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
    const connection = this.#bind(plain, plain.seq, service, sent);
    if (typeof connection !== 'string') return this.#fromClient(connection, link, frame, plain, sent);
    this.#count(connection);
    return connection === 'drop-server-side-taken' ? [] : this.#answerError('port-unreachable', link, frame);
  }

  /** Makes a connection for a client's packet. @returns it, or why there is none */
  #bind(
    plain: PlainPacket,
    clientIsn: number,
    service: Service,
    sent: readonly BuiltFrame[],
  ): Connection | string {
    const server = this.#templates.find(service, plain.from) ?? this.#schedule(service);
    if (server === undefined) return 'drop-no-real-server';
    const { mode, protocol } = service.config;
    const serverPort = server.port === 0 ? plain.toPort : server.port;
    const client = { address: plain.from, port: plain.fromPort };
    const serverKey = (local: Host) =>
      `${protocol} ${server.address} ${serverPort} > ${local.address} ${local.port}`;
    let local = client;
    let delta = 0;
    if (mode === 'nat' && this.#byServer.has(serverKey(client))) return 'drop-server-side-taken';
    if (mode === 'fullnat') {
      const free = this.#pairsOf(service).filter((pair) => !this.#byServer.has(serverKey(pair)));
      if (free.length === 0) return 'drop-no-local-port';
      const chosen = sent[0] === undefined ? undefined : readPacket(sent[0]);
      const pair = free.find(({ address, port }) => address === chosen?.from && port === chosen.fromPort);
      assert.ok(pair !== undefined, 'the balancer chose a local pair that is free');
      local = pair;
      if (protocol === 'tcp') delta = (chosen!.seq - clientIsn) >>> 0;
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
      clientIsn,
      delta,
      handshake: undefined,
      storm: { text: '', repeats: 0, tick: 0 },
      header: undefined,
      firstByte: undefined,
      progress: undefined,
    };
    this.connections.set(connection.key, connection);
    if (connection.serverKey !== undefined) this.#byServer.set(connection.serverKey, connection);
    load(server, 'none', 1);
    server.traffic.connections++;
    this.#count('connections-new');
    return connection;
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
    const main = writePacket(ethernet, toServer(connection, plain, this.#count));
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
  #headerFor(connection: Connection, plain: PlainPacket): Out[] {
    const { flags } = plain;
    const { service, client, vip, firstByte, header } = connection;
    const told = inServersTerms(connection, plain);
    if (service.config.clientAddress !== 'proxy-v2' || header !== undefined || firstByte === undefined)
      return [];
    if (!flags.includes('A') || /[SR]/.test(flags)) return [];
    this.#count('proxy-header-sent');
    connection.header = headerFor(client, vip, told.ack, told.window, this.#tick);
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
    const { largest } = sizeOf(plain);
    if (largest <= mtu || !plain.dontFragment) return undefined;
    const ipv6 = plain.from.includes(':');
    if (ipv6 && largest <= IPV6_MTU) return undefined;
    this.#count('drop-too-big');
    return this.#answerError('too-big', link, frame, ipv6 ? Math.max(mtu, IPV6_MTU) : mtu);
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
    const { server, state, progress, vip, client, handshake } = connection;
    this.#unlink(connection);
    load(server, state, -1);
    const refused = state === 'synSent' && handshake?.answered === false;
    if ((state !== 'established' && !refused) || progress === undefined) return [];
    this.#count('reset-on-expiry', 2);
    return [
      ...this.#resetServer(connection),
      ...this.#own(OUTSIDE, MACS.gateway, vip, client, { flags: 'R', seq: progress.end }),
    ];
  }

  /** A SYN is answered at once, and nothing kept of it. */
  #greet(link: number, frame: BuiltFrame, plain: PlainPacket, service: Service): Out[] {
    if (service.servers.every(({ weight }) => weight === 0)) {
      this.#count('drop-syn-proxy-no-server');
      return [];
    }
    const { synAck, data } = answerTo(plain, service.config.synProxy!);
    service.issued = this.#minute;
    this.#count('syn-proxy-syn');
    const seq = this.#cookies.issue(flowOf(plain, plain.seq), data, this.#now);
    const back = packet().ethernet({ from: MACS.balancer[link]!, to: frame.bytes.slice(6, 12) });
    return [[link, writePacket(back, { ...synAck, seq })]];
  }

  #mayBringCookie(service: Service, { flags }: PlainPacket): boolean {
    return flags.includes('A') && !/[SFR]/.test(flags) && this.#minute - service.issued < 4;
  }

  /** What the cookie says that an ACK brings back; undefined where it is none, `early` where data must come first. */
  #cookieIn(plain: PlainPacket, service: Service): number | undefined | 'early' {
    if (plain.payload.length === 0 && service.config.synProxy!.deferUntilData) return 'early';
    const isn = (plain.seq - 1) >>> 0;
    const data = this.#cookies.check(flowOf(plain, isn), (plain.ack - 1) >>> 0, this.#now);
    if (data !== undefined) this.#count('syn-proxy-ack-ok');
    return data;
  }

  #cookieAck(
    link: number,
    frame: BuiltFrame,
    plain: PlainPacket,
    service: Service,
    sent: readonly BuiltFrame[],
  ): Out[] {
    const data = this.#cookieIn(plain, service);
    if (data === 'early') {
      this.#count('drop-syn-proxy-null-ack');
      return [];
    }
    if (data === undefined) {
      const answered = service.config.synProxy!.badAck === 'reset';
      return this.#stray('drop-syn-proxy-bad-ack', link, frame, plain, answered);
    }
    const refused = this.#refusal(link, frame, plain, Number.POSITIVE_INFINITY);
    if (refused !== undefined) return refused;
    const connection = this.#bind(plain, (plain.seq - 1) >>> 0, service, sent);
    if (typeof connection === 'string') return this.#stray(connection, link, frame, plain);
    return this.#begin(connection, link, frame, plain, data);
  }

  /** The handshake with the real server begins; what the client has sent so far waits. */
  #begin(connection: Connection, link: number, frame: BuiltFrame, plain: PlainPacket, data: number): Out[] {
    const { client, clientIsn, delta } = connection;
    const handshake = handshakeOf((plain.ack - 1) >>> 0, data, client);
    handshake.kept.push({ link, frame });
    connection.handshake = handshake;
    connection.header = undefined;
    connection.firstByte = undefined;
    connection.progress = { end: plain.ack, acknowledged: (clientIsn + delta + 1) >>> 0 };
    this.#settle(connection, 'synSent', SYN_TICKS);
    return this.#serverSyn(connection);
  }

  #serverSyn(connection: Connection): Out[] {
    const below = packet().ethernet({ from: MACS.balancer[INSIDE], to: connection.server.mac });
    return [[INSIDE, writePacket(below, toServer(connection, synFor(connection), this.#count))]];
  }

  /** The time of a connection is over: where that is the SYN's, it may go once more. */
  #resentSyn(connection: Connection): Out[] {
    const { handshake, service, state } = connection;
    if (handshake === undefined || handshake.answered || state !== 'synSent') return [];
    if (handshake.resent === service.config.synProxy!.synRetries) {
      this.#count('syn-proxy-given-up');
      return [];
    }
    handshake.resent++;
    connection.expires = this.#tick + SYN_TICKS;
    this.#count('syn-proxy-resent');
    return this.#serverSyn(connection);
  }

  /** A client's packet, where the client shook hands with the balancer. @returns undefined where it goes on as any other */
  #proxiedClient(
    connection: Connection,
    link: number,
    frame: BuiltFrame,
    plain: PlainPacket,
    sent: readonly BuiltFrame[],
  ): Out[] | undefined {
    const { handshake, service, state } = connection;
    if (handshake === undefined) return undefined;
    const { flags, seq, ack } = plain;
    const reusable = !handshake.answered || mayReuse(service, state);
    if (isOpening(flags)) return reusable ? this.#greet(link, frame, plain, service) : undefined;
    const refused = this.#refusal(link, frame, plain, Number.POSITIVE_INFINITY);
    if (refused !== undefined) return refused;
    const ofCookie = ack === (handshake.cookie + 1) >>> 0;
    const isn = (seq - 1) >>> 0;
    const other =
      !ofCookie && isn !== connection.clientIsn && reusable && this.#mayBringCookie(service, plain);
    const data = other ? this.#cookieIn(plain, service) : undefined;
    if (typeof data === 'number') return this.#reopen(connection, link, frame, plain, data, sent);
    if (!handshake.answered)
      return this.#waiting(connection, handshake, link, frame, plain, !other && ofCookie);
    return this.#refusal(link, frame, plain, handshake.segmentMax + ipHeaderOf(plain.from));
  }

  /** The same client comes again: it keeps its real server. */
  #reopen(
    connection: Connection,
    link: number,
    frame: BuiltFrame,
    plain: PlainPacket,
    data: number,
    sent: readonly BuiltFrame[],
  ): Out[] {
    this.#count('syn-proxy-reused');
    connection.clientIsn = (plain.seq - 1) >>> 0;
    if (connection.service.config.mode === 'fullnat')
      connection.delta = (readPacket(sent[0]!).seq - connection.clientIsn) >>> 0;
    return this.#begin(connection, link, frame, plain, data);
  }

  /** A client's packet while its real server has not answered. */
  #waiting(
    connection: Connection,
    handshake: Handshake,
    link: number,
    frame: BuiltFrame,
    { flags, seq }: PlainPacket,
    ofCookie: boolean,
  ): Out[] {
    const { state, service, clientIsn } = connection;
    const near = state === 'synSent' && (seq - clientIsn - 1) >>> 0 <= 65535;
    if (near && flags.includes('R')) {
      this.#count('syn-proxy-aborted');
      handshake.kept = [];
      this.#settle(connection, 'close');
      this.#count('reset-on-expiry');
      return this.#resetServer(connection);
    }
    if (!near || !ofCookie || !flags.includes('A') || flags.includes('S')) {
      this.#count('drop-syn-proxy-unexpected');
      return [];
    }
    if (handshake.kept.length <= service.config.synProxy!.storedSegments)
      handshake.kept.push({ link, frame });
    else this.#count('drop-syn-proxy-queue-full');
    return [];
  }

  /** A real server's packet likewise. */
  #proxiedServer(
    connection: Connection,
    link: number,
    frame: BuiltFrame,
    plain: PlainPacket,
  ): Out[] | undefined {
    const { handshake, service, server, state, clientIsn, delta, storm } = connection;
    if (handshake === undefined) return undefined;
    const { flags, seq, ack } = plain;
    if (handshake.answered && flags.includes('S')) {
      // Another SYN-ACK than that of our SYN answers one of the client's: those two shake hands themselves.
      if ((seq + handshake.shift) >>> 0 !== handshake.cookie) connection.handshake = undefined;
      return undefined;
    }
    if (handshake.answered) {
      const { ackStormThreshold } = service.config.synProxy!;
      if (ackStormThreshold === 0 || !isStorm(storm, plain, this.#tick, ackStormThreshold)) return undefined;
      this.#count('drop-syn-proxy-ack-storm');
      return [];
    }
    const answers = flags.includes('A') && /[SR]/.test(flags) && !flags.includes('F');
    if (state !== 'synSent' || !answers || ack !== (clientIsn + delta + 1) >>> 0) {
      return this.#stray('drop-syn-proxy-unexpected', link, frame, plain, flags.includes('A'));
    }
    handshake.answered = true;
    if (flags.includes('R')) {
      this.#count('syn-proxy-refused');
      handshake.kept = [];
      handshake.shift = handshake.cookie + 1 - seq;
      this.#settle(connection, 'close');
      return undefined;
    }
    this.#count('syn-proxy-established');
    handshake.shift = handshake.cookie - seq;
    connection.firstByte = (handshake.cookie + 1) >>> 0;
    agree(connection, handshake, plain, this.#count);
    this.#settle(connection, 'established');
    server.traffic.packetsOut++;
    server.traffic.bytesOut += sizeOf(plain).bytes;
    return handshake.kept.splice(0).flatMap((kept) => this.receive(kept.link, kept.frame, []));
  }

  /** Puts a connection into a state that no packet tells. */
  #settle(connection: Connection, state: ModelState, ticks?: number): void {
    load(connection.server, connection.state, -1);
    load(connection.server, state, 1);
    connection.state = state;
    connection.expires = this.#tick + (ticks ?? (connection.service.config.timeouts[state] * 1000) / TICK);
  }

  get #now(): number {
    return this.#tick * TICK;
  }

  get #minute(): number {
    return Math.floor(this.#now / 60_000);
  }

  #resetServer({ local, server, serverPort, progress }: Connection): Out[] {
    const to = { address: server.address, port: serverPort };
    return this.#own(INSIDE, server.mac, local, to, { flags: 'R', seq: progress!.acknowledged });
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

function isProxied({ config }: Service): boolean {
  return config.synProxy?.mode === 'on';
}

/** Whether a SYN proxy may begin anew with a client whose connection is in a state. */
function mayReuse({ config }: Service, state: ModelState): boolean {
  const states: readonly string[] = config.synProxy!.reuse;
  return states.includes(state);
}

function flowOf({ from, fromPort, to, toPort }: PlainPacket, isn: number): CookieFlow {
  return { client: hostPort(from, fromPort), vip: hostPort(to, toPort), isn };
}

function isOpening(flags: string): boolean {
  return flags.includes('S') && !/[ARF]/.test(flags);
}
