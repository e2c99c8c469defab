/**
 * The whole balancer, slow and obvious: a packet is read into an object, what becomes of it is decided with Maps of
 * text, and what goes out is written anew. Only what the balancer draws by itself, local address, local port and the
 * first sequence number of FULLNAT, is taken from what it sent, after a look whether it was free to.
 */
import assert from 'node:assert/strict';
import type { ResolvedConfig, ResolvedService } from '../../lib/balancer/config/model.js';
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { tcpOption } from '../support/tcp-segment.js';
import { INSIDE, isOneWay, MACS, OUTSIDE, type Topology } from '../support/topology.js';
import { concat, hostPort, readU16 } from '../support/wire.js';
import {
  blanked,
  type PlainPacket,
  readPacket,
  resetBetween,
  resetFor,
  unreachable,
  writePacket,
} from './balancer-packets.js';
import { leastModel } from './least-loaded.js';
import { type ModelState, nextState } from './tcp-states.js';

const TICK = 250;
const TOA_KIND = 254;
const ACTIVE: readonly ModelState[] = ['established', 'synSent', 'synReceived', 'synAck'];

interface Server {
  readonly address: string;
  /** 0: the client's choice. */
  readonly port: number;
  readonly mac: string;
  weight: number;
  active: number;
  inactive: number;
  readonly overloaded: false;
}

interface Service {
  readonly config: ResolvedService;
  readonly servers: readonly Server[];
  /** Round robin: who was chosen last. */
  last: number;
}

interface Connection {
  readonly key: string;
  /** As the real server's packets name it; none where they do not pass by. */
  readonly serverKey: string | undefined;
  readonly service: Service;
  readonly server: Server;
  readonly serverPort: number;
  readonly client: { readonly address: string; readonly port: number };
  readonly vip: { readonly address: string; readonly port: number };
  readonly local: { readonly address: string; readonly port: number };
  state: ModelState;
  /** In ticks. */
  expires: number;
  clientIsn: number;
  /** Added to the client's sequence numbers. */
  delta: number;
  /** The number of the real server's first byte, when it is known. */
  firstByte: number | undefined;
  /** How far the real server is, when it was seen. */
  progress: { end: number; acknowledged: number } | undefined;
}

export type Out = readonly [link: number, frame: PacketBuilder];

export class ModelBalancer {
  readonly counters = new Map<string, number>();
  readonly connections = new Map<string, Connection>();
  readonly #byServer = new Map<string, Connection>();
  readonly #services: Service[];
  readonly #topology: Topology;
  #tick: number;

  constructor(config: ResolvedConfig, topology: Topology, now: number) {
    this.#topology = topology;
    this.#tick = now / TICK;
    this.#services = config.services.map((service) => ({
      config: service,
      last: -1,
      servers: service.realServers.map(({ address, port = 0, weight }) => {
        const mac = MACS.server(topology.realServers.indexOf(address));
        return { address, port, mac, weight, active: 0, inactive: 0, overloaded: false as const };
      }),
    }));
  }

  /** Other weights for the real servers of a service. */
  weigh(service: number, weights: readonly number[]): void {
    this.#services[service]!.servers.forEach((server, i) => {
      server.weight = weights[i]!;
    });
  }

  /** A frame came in on a link. @param sent what the balancer made of it @returns what it had to make of it */
  receive(link: number, frame: BuiltFrame, sent: readonly BuiltFrame[]): Out[] {
    const plain = readPacket(frame);
    const known = this.connections.get(keyOf(plain));
    if (known !== undefined && !this.#isRenewal(known, plain)) return this.#fromClient(known, plain, sent);
    const answering = this.#byServer.get(keyOf(plain));
    if (answering !== undefined) return this.#fromServer(answering, plain);
    if (known !== undefined) {
      this.#count('connections-renewed');
      this.#end(known);
    }
    return this.#unknown(link, frame, plain, sent);
  }

  /** Time passes. @returns what is sent because of it, in any order */
  wait(milliseconds: number): Out[] {
    this.#tick += milliseconds / TICK;
    const out: Out[] = [];
    for (const connection of [...this.connections.values()]) {
      if (connection.expires > this.#tick) continue;
      this.#count('connections-expired');
      out.push(...this.#end(connection));
    }
    return out;
  }

  /** Every connection and every real server's load, as text. */
  describe(): string[] {
    const connections = [...this.connections.values()].map(
      ({ key, server, state, expires }) => `${key} → ${server.address} ${state} until ${expires}`,
    );
    const loads = this.#services.flatMap(({ servers }, i) =>
      servers.map(({ address, active, inactive }) => `${i} ${address}: ${active} + ${inactive}`),
    );
    return [...connections.sort(), ...loads];
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

  #count(name: string, amount = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + amount);
  }

  #isRenewal({ state, service }: Connection, { flags }: PlainPacket): boolean {
    const { mode } = service.config;
    if (!isOpening(flags) || mode === 'fullnat') return false;
    return state === 'timeWait' || state === 'close' || (state === 'finWait' && isOneWay(mode));
  }

  #unknown(link: number, frame: BuiltFrame, plain: PlainPacket, sent: readonly BuiltFrame[]): Out[] {
    const { vip, localAddresses } = this.#topology;
    if (plain.to !== vip && !localAddresses.includes(plain.to)) {
      this.#count('drop-unknown-address');
      return [];
    }
    const opening = plain.protocol === 'udp' || isOpening(plain.flags);
    const service = this.#services.find(
      ({ config }) =>
        plain.to === vip && config.protocol === plain.protocol && config.port[0] === plain.toPort,
    );
    if (!opening || service === undefined) {
      this.#count(opening ? 'drop-no-service' : 'drop-stray');
      if (plain.protocol === 'udp') return this.#unreachable(link, frame);
      if (plain.flags.includes('R')) return [];
      this.#count('answer-reset');
      const back = packet().ethernet({ from: MACS.balancer[link]!, to: this.#stationOf(frame) });
      return [[link, writePacket(back, resetFor(plain))]];
    }
    return this.#open(link, frame, plain, service, sent);
  }

  #open(
    link: number,
    frame: BuiltFrame,
    plain: PlainPacket,
    service: Service,
    sent: readonly BuiltFrame[],
  ): Out[] {
    const server = this.#schedule(service);
    if (server === undefined) {
      this.#count('drop-no-real-server');
      return this.#unreachable(link, frame);
    }
    const { mode, protocol } = service.config;
    const serverPort = server.port === 0 ? plain.toPort : server.port;
    const client = { address: plain.from, port: plain.fromPort };
    const serverKey = (local: { address: string; port: number }) =>
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
        return this.#unreachable(link, frame);
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
      state: 'none',
      expires: 0,
      clientIsn: plain.seq,
      delta,
      firstByte: undefined,
      progress: undefined,
    };
    this.connections.set(connection.key, connection);
    if (connection.serverKey !== undefined) this.#byServer.set(connection.serverKey, connection);
    server.inactive++;
    this.#count('connections-new');
    return this.#fromClient(connection, plain, sent);
  }

  #pairsOf({ config }: Service): { address: string; port: number }[] {
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

  #fromClient(connection: Connection, plain: PlainPacket, sent: readonly BuiltFrame[]): Out[] {
    const { service, server, serverPort, local } = connection;
    const { mode } = service.config;
    this.#enter(connection, plain, isOneWay(mode) ? 'one-way' : 'client');
    this.#count('frames-forwarded');
    const ethernet = packet().ethernet({ from: MACS.balancer[INSIDE], to: server.mac });
    const next = { ...plain, ttl: plain.ttl - 1 };
    if (mode === 'dr') return [[INSIDE, writePacket(ethernet, next)]];
    if (mode === 'tun') {
      const { ttl, trafficClass } = next;
      const lip = this.#topology.localAddresses[0]!;
      return [[INSIDE, writePacket(ethernet.ip({ from: lip, to: server.address, ttl, trafficClass }), next)]];
    }
    this.#noteReuse(connection, plain, sent);
    const out = {
      ...next,
      from: local.address,
      fromPort: local.port,
      to: server.address,
      toPort: serverPort,
      seq: (plain.seq + connection.delta) >>> 0,
      options: this.#optionsToServer(connection, plain),
    };
    return [[INSIDE, writePacket(ethernet, out)]];
  }

  /** FULLNAT: a SYN with another number begins anew on the same pair. */
  #noteReuse(connection: Connection, { flags, seq }: PlainPacket, sent: readonly BuiltFrame[]): void {
    const { service, state } = connection;
    if (service.config.mode !== 'fullnat' || !isOpening(flags) || seq === connection.clientIsn) return;
    if (state !== 'synReceived' && state !== 'synSent') return;
    this.#count('connections-reused');
    connection.clientIsn = seq;
    connection.firstByte = undefined;
    connection.progress = undefined;
    connection.delta = sent[0] === undefined ? 0 : (readPacket(sent[0]).seq - seq) >>> 0;
  }

  #optionsToServer({ service, firstByte, client }: Connection, plain: PlainPacket): Uint8Array {
    if (plain.protocol === 'udp') return plain.options;
    const { flags } = plain;
    const fullnat = service.config.mode === 'fullnat';
    const honest = blanked(plain.options, (kind) => kind === TOA_KIND);
    if (honest.count > 0) this.#count('toa-stripped', honest.count);
    const timeless = blanked(honest.options, (kind) => fullnat && flags.includes('S') && kind === 8);
    if (timeless.count > 0) this.#count('option-timestamp-removed');
    const due = flags.includes('A') && !/[RS]/.test(flags) && plain.ack === firstByte;
    if (!fullnat || !due) return timeless.options;
    this.#count('toa-added');
    return concat(tcpOption.toa(hostPort(client.address, client.port)), timeless.options);
  }

  #fromServer(connection: Connection, plain: PlainPacket): Out[] {
    const { service, client, vip } = connection;
    const { flags, seq, payload } = plain;
    const fullnat = service.config.mode === 'fullnat';
    this.#enter(connection, plain, 'server');
    this.#count('frames-forwarded');
    let { options } = plain;
    if (flags.includes('S') && flags.includes('A')) {
      connection.firstByte = (seq + 1) >>> 0;
      if (fullnat) options = this.#lowerMss(options);
    }
    if (flags.includes('A') && !flags.includes('R')) {
      const end = (seq + payload.length + Number(flags.includes('S')) + Number(flags.includes('F'))) >>> 0;
      const { progress } = connection;
      if (progress === undefined) connection.progress = { end, acknowledged: plain.ack };
      else if (!isBefore(plain.ack, progress.acknowledged)) {
        progress.acknowledged = plain.ack;
        if (isBefore(progress.end, end)) progress.end = end;
      }
    }
    const out = {
      ...plain,
      ttl: plain.ttl - 1,
      from: vip.address,
      fromPort: vip.port,
      to: client.address,
      toPort: client.port,
      ack: flags.includes('A') ? (plain.ack - connection.delta) >>> 0 : plain.ack,
      options,
    };
    const ethernet = packet().ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway });
    return [[OUTSIDE, writePacket(ethernet, out)]];
  }

  #lowerMss(options: Uint8Array): Uint8Array {
    if (options[0] !== 2) return options;
    const { ipHeader, toaLength } = this.#topology;
    const announced = readU16(options, 2);
    const room = Math.min(announced, 1500 - ipHeader - 20) - toaLength;
    if (room < announced) this.#count('mss-lowered');
    return tcpOption.mss(Math.min(announced, room));
  }

  #enter(connection: Connection, { protocol, flags }: PlainPacket, sender: 'client' | 'server' | 'one-way') {
    const { server, service, state: before } = connection;
    connection.state = protocol === 'udp' ? 'udp' : nextState(before, flags, sender);
    if (ACTIVE.includes(before)) server.active--;
    else server.inactive--;
    if (ACTIVE.includes(connection.state)) server.active++;
    else server.inactive++;
    connection.expires = this.#tick + (service.config.timeouts[connection.state] * 1000) / TICK;
  }

  #end(connection: Connection): Out[] {
    const { key, serverKey, server, serverPort, state, progress, local, vip, client } = connection;
    this.connections.delete(key);
    if (serverKey !== undefined) this.#byServer.delete(serverKey);
    if (ACTIVE.includes(state)) server.active--;
    else server.inactive--;
    if (state !== 'established' || progress === undefined) return [];
    this.#count('reset-on-expiry', 2);
    const reset = (from: typeof local, to: typeof local, seq: number): PlainPacket => ({
      ...resetBetween({ from: from.address, fromPort: from.port, to: to.address, toPort: to.port }),
      flags: 'R',
      seq,
      ack: 0,
    });
    const toServer = reset(local, { address: server.address, port: serverPort }, progress.acknowledged);
    const inside = packet().ethernet({ from: MACS.balancer[INSIDE], to: server.mac });
    const outside = packet().ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway });
    return [
      [INSIDE, writePacket(inside, toServer)],
      [OUTSIDE, writePacket(outside, reset(vip, client, progress.end))],
    ];
  }

  #unreachable(link: number, frame: BuiltFrame): Out[] {
    this.#count('answer-icmp-error');
    return [[link, unreachable(link, frame)]];
  }

  #stationOf({ bytes }: BuiltFrame): Uint8Array {
    return bytes.slice(6, 12);
  }
}

function keyOf({ protocol, from, fromPort, to, toPort }: PlainPacket): string {
  return `${protocol} ${from} ${fromPort} > ${to} ${toPort}`;
}

function isOpening(flags: string): boolean {
  return flags.includes('S') && !/[ARF]/.test(flags);
}

/** Sequence numbers go round. */
function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
