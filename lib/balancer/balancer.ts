import { ETHERNET_HEADER, ETHERNET_SOURCE, ETHERNET_TYPE, ETHERTYPE_ARP } from '../net/ethernet.js';
import { IPV4_DONT_FRAGMENT, IPV4_FRAGMENT, IPV4_TTL, PROTOCOL_TCP } from '../net/ipv4.js';
import { IPV6_HOP_LIMIT } from '../net/ipv6.js';
import { RST } from '../net/tcp.js';
import { AddressTable } from './address-table.js';
import type { ResolvedConfig } from './config/model.js';
import { ConnectionTable } from './connection/connection-table.js';
import { InitialSequence } from './connection/initial-sequence.js';
import { KeyedHash } from './connection/keyed-hash.js';
import { isOpening, Lifecycle } from './connection/lifecycle.js';
import { CLIENT_HOP, OWNER, RECORD_WORDS, SERVER_HOP } from './connection/record.js';
import { TICK, TimerWheel } from './connection/timer-wheel.js';
import { COUNTER, Counters } from './counters.js';
import { Emitted } from './emitted.js';
import { isToaDue, toClient, toServer } from './forwarding/fullnat.js';
import { outgrowsIp, splitGso } from './forwarding/split.js';
import { packetLength, toaRoom } from './forwarding/toa.js';
import type { Frame } from './frame.js';
import { IcmpErrors, PORT_UNREACHABLE, TIME_EXCEEDED, TOO_BIG } from './icmp.js';
import { type LinkHardware, LinkPort } from './link-port.js';
import { LocalDelivery } from './local-delivery.js';
import { Neighbors } from './neighbors.js';
import { OwnAddresses } from './own-addresses.js';
import { PARSED, parse } from './parse.js';
import { turnIntoReset } from './reset.js';
import { Routes } from './routes.js';
import { VirtualService } from './service/virtual-service.js';
import { DROPPED } from './verdict.js';

/** What the balancer is told of the world it runs in: it has no clock, no randomness and no device of its own. */
export interface Environment {
  /** In the order of the configuration's links. */
  readonly links: readonly LinkHardware[];
  /** 32 random bytes, kept secret: hash keys and initial sequence numbers come from them. */
  readonly secret: Uint8Array;
  /** Milliseconds of a monotonic clock, as in every later call. */
  readonly now: number;
}

/** Emitted frames that must be free for `advance` to expire one more connection, which may take two. */
const EXPIRY_RESERVE = 16;

/**
 * A load balancer's core: frames in, frames out. It holds no socket and no timer; whoever runs it hands each frame to
 * `process`, calls `advance` some four times a second, and after each call sends what waits in `emitted`.
 */
export class Balancer {
  readonly counters = new Counters();
  /** Frames to send besides the one that `process` was given. */
  readonly emitted = new Emitted();
  readonly connections: ConnectionTable;
  readonly services: readonly VirtualService[];

  readonly #links: readonly LinkPort[];
  readonly #routes: Routes;
  readonly #own: OwnAddresses;
  readonly #neighbors: Neighbors;
  readonly #local: LocalDelivery;
  readonly #icmp: IcmpErrors;
  readonly #lifecycle: Lifecycle;
  /** From a VIP and port to a service's position. */
  readonly #serviceAt: AddressTable;
  readonly #resetStray: boolean;
  #now = 0;
  #tick = 0;

  /** @param config a validated configuration (`validateConfig`) */
  constructor(config: ResolvedConfig, environment: Environment) {
    const { secret } = environment;
    const { counters, emitted } = this;
    this.#setClock(environment.now);
    const tick = this.#tick;
    const hash = new KeyedHash(secret.subarray(0, 8));
    const random = new DataView(secret.buffer, secret.byteOffset, secret.byteLength).getUint32(24);
    this.services = createServices(config, random);
    this.#links = config.links.map((link, i) => new LinkPort(link.name, i, environment.links[i]!));
    const vips = this.services.map((service) => service.address);
    const locals = this.services.flatMap((service) => service.localAddresses.addresses);
    const linkIndex = new Map(config.links.map((link, i) => [link.name, i]));
    const routes = new Routes(config.routes, linkIndex, [...locals, ...vips]);
    this.#routes = routes;
    this.#own = new OwnAddresses(vips, locals, this.#links, routes, hash);
    this.#neighbors = new Neighbors(this.#links, emitted, counters, hash, tick);
    this.#local = new LocalDelivery(this.#own, this.#neighbors, emitted, counters);
    this.#icmp = new IcmpErrors(emitted, counters);
    this.connections = new ConnectionTable(hash, config.settings.maxConnections);
    this.#lifecycle = new Lifecycle({
      table: this.connections,
      wheel: new TimerWheel(this.connections.words, tick),
      neighbors: this.#neighbors,
      routes,
      initialSequence: new InitialSequence(secret.subarray(8, 24)),
      services: this.services,
      emitted,
      counters,
      resetOnExpiry: config.settings.resetOnExpiry,
    });
    this.#resetStray = config.settings.strayAck === 'reset';
    this.#serviceAt = new AddressTable(hash, this.services.length);
    for (const { address, port, index } of this.services) {
      this.#serviceAt.set(address[0]!, address[1]!, address[2]!, address[3]!, port, index);
    }
  }

  /**
   * Announces the balancer's addresses on all its links, and asks for the ways to the real servers. Gateways get their
   * places among the neighbors before strangers can take them all.
   */
  start(now: number): void {
    for (let link = 0; link < this.#links.length; link++) this.linkUp(link, now);
    for (const route of this.#routes.throughGateways()) this.#neighbors.acquire(route, 0, 0, 0, 0);
    for (const { realServers } of this.services) {
      for (const { address } of realServers) this.#prepareHop(address);
    }
  }

  /** A link came up: announces the balancer's addresses on it. */
  linkUp(link: number, now: number): void {
    this.#setClock(now);
    this.#own.announce(this.#links[link]!, this.emitted);
  }

  /**
   * One frame that came in, rewritten in place.
   * @param frame its window, with `HEADROOM` free bytes before the vnet header
   * @param now milliseconds
   * @returns the link to send it on (0 and up), CONSUMED, or DROPPED
   */
  process(frame: Frame, now: number): number {
    this.#now = now;
    this.counters.add(COUNTER['frames-in']);
    if (frame.length < ETHERNET_HEADER) return this.#drop(COUNTER['drop-short-frame']);
    const link = this.#links[frame.link]!;
    const { bytes, view, start } = frame;
    const forUs = view.getInt32(start + 2) === link.macLow && view.getUint16(start) === link.macHigh;
    if (!forUs && (bytes[start]! & 1) === 0) return this.#drop(COUNTER['drop-not-for-us']);
    if (view.getUint16(start + ETHERNET_TYPE) === ETHERTYPE_ARP) return this.#local.arp(frame, link);

    const fault = parse(frame);
    if (fault !== PARSED) return this.#drop(fault);
    if (frame.protocol !== PROTOCOL_TCP) return this.#local.notTcp(frame, link, forUs);
    if (!forUs) return this.#drop(COUNTER['drop-not-for-us']);

    const found = this.connections.find(frame);
    if (found === -1) return this.#unknown(frame, link);
    const connection = found >> 1;
    return (found & 1) === 0
      ? this.#fromClient(frame, link, connection)
      : this.#fromServer(frame, link, connection);
  }

  /**
   * Moves the clock: expires connections, asks for neighbors again, goes on with announcements. To be called about every 250 ms.
   * @param now milliseconds
   * @returns whether there is more to do at once, when `emitted` was drained
   */
  advance(now: number): boolean {
    this.#setClock(now);
    this.#neighbors.advance(this.#tick);
    while (this.emitted.available >= EXPIRY_RESERVE) {
      if (!this.#lifecycle.expireNext(this.#tick)) return this.#own.continueAnnouncing(this.emitted);
    }
    return true;
  }

  #fromClient(frame: Frame, link: LinkPort, connection: number): number {
    const { words } = this.connections;
    const base = connection * RECORD_WORDS;
    const hop = words[base + SERVER_HOP]!;
    const mtu = this.#neighbors.mtuOf(hop);
    const refusal = this.#refusal(frame, link, mtu);
    if (refusal !== PARSED) return this.#drop(refusal);

    this.#observeSender(frame, words[base + CLIENT_HOP]!);
    const service = this.services[words[base + OWNER]! >>> 16]!;
    this.#lifecycle.onPacket(connection, service, frame, false, this.#now, this.#tick);
    this.#count(frame, COUNTER['packets-in'], COUNTER['bytes-in']);
    const { toa } = service;
    if (frame.segments > 1 && outgrowsIp(frame, toaRoom(toa.format)) && isToaDue(frame, words, base, toa)) {
      const head = splitGso(frame, this.emitted);
      if (head !== undefined) {
        this.counters.add(COUNTER['toa-frames-split']);
        toServer(head, words, base, toa, mtu, this.counters);
        this.#emit(head, hop);
      }
    }
    toServer(frame, words, base, toa, mtu, this.counters);
    return this.#send(frame, hop);
  }

  #fromServer(frame: Frame, link: LinkPort, connection: number): number {
    const { words } = this.connections;
    const base = connection * RECORD_WORDS;
    const hop = words[base + CLIENT_HOP]!;
    const refusal = this.#refusal(frame, link, this.#neighbors.mtuOf(hop));
    if (refusal !== PARSED) return this.#drop(refusal);

    const serverHop = words[base + SERVER_HOP]!;
    this.#observeSender(frame, serverHop);
    const service = this.services[words[base + OWNER]! >>> 16]!;
    this.#lifecycle.onPacket(connection, service, frame, true, this.#now, this.#tick);
    this.#count(frame, COUNTER['packets-out'], COUNTER['bytes-out']);
    const { toa } = service;
    toClient(frame, words, base, toa, this.#neighbors.mtuOf(serverHop), this.counters);
    return this.#send(frame, hop);
  }

  /** A TCP segment of no connection: a SYN may open one, anything else is stray. */
  #unknown(frame: Frame, link: LinkPort): number {
    const { destination0, destination1, destination2, destination3 } = frame;
    if (this.#own.kind(destination0, destination1, destination2, destination3) === -1) {
      return this.#drop(COUNTER['drop-unknown-address']);
    }
    if (!this.#isUsableSource(frame)) return this.#drop(COUNTER['drop-invalid-source']);
    if (!isOpening(frame.tcpFlags)) return this.#stray(frame, link, COUNTER['drop-stray']);
    const service = this.#serviceAt.find(
      destination0,
      destination1,
      destination2,
      destination3,
      frame.ports & 0xffff,
    );
    if (service === -1) return this.#stray(frame, link, COUNTER['drop-no-service']);
    // Before anything is bound for it; its way out, and so its MTU, are not known yet.
    const refusal = this.#refusal(frame, link, Number.MAX_SAFE_INTEGER);
    if (refusal !== PARSED) return this.#drop(refusal);
    const connection = this.#lifecycle.open(frame, this.services[service]!, this.#now, this.#tick);
    if (connection >= 0) return this.#fromClient(frame, link, connection);
    const reason = ~connection;
    if (reason === COUNTER['drop-no-real-server'] || reason === COUNTER['drop-no-local-port']) {
      this.#icmp.answer(frame, link, PORT_UNREACHABLE, 0, this.#now);
    }
    return this.#drop(reason);
  }

  /** Counts a segment that nobody here knows, and answers it with an RST unless told to be silent. */
  #stray(frame: Frame, link: LinkPort, reason: number): number {
    this.counters.add(reason);
    if (!this.#resetStray || (frame.tcpFlags & RST) !== 0) return DROPPED;
    turnIntoReset(frame, link);
    this.counters.add(COUNTER['answer-reset']);
    return link.index;
  }

  /** Why a packet can go no further, after answering it; or PARSED. Nothing was changed in it or its connection. */
  #refusal(frame: Frame, link: LinkPort, mtu: number): number {
    const { bytes, view, l3 } = frame;
    const ttl = bytes[l3 + (frame.family === 4 ? IPV4_TTL : IPV6_HOP_LIMIT)]!;
    if (ttl <= 1) {
      this.#icmp.answer(frame, link, TIME_EXCEEDED, 0, this.#now);
      return COUNTER['drop-ttl-expired'];
    }
    if (packetLength(frame) <= mtu) return PARSED;
    if (frame.family === 6 || (view.getUint16(l3 + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT) !== 0) {
      this.#icmp.answer(frame, link, TOO_BIG, mtu, this.#now);
    }
    return COUNTER['drop-too-big'];
  }

  #observeSender(frame: Frame, hop: number): void {
    const source = frame.start + ETHERNET_SOURCE;
    this.#neighbors.observe(hop, frame.view.getUint16(source), frame.view.getInt32(source + 2));
  }

  #send(frame: Frame, hop: number): number {
    const verdict = this.#neighbors.address(frame, hop);
    if (verdict >= 0) this.counters.add(COUNTER['frames-forwarded']);
    return verdict;
  }

  /** Sends a frame of our own, or leaves a copy with the neighbor it waits for. */
  #emit(frame: Frame, hop: number): void {
    const verdict = this.#send(frame, hop);
    if (verdict >= 0) this.emitted.send(frame, verdict);
    else this.emitted.discard(frame);
  }

  /** Counts packets and IP bytes as they are on the wire: a GSO frame is all its segments. */
  #count(frame: Frame, packets: number, bytes: number): void {
    const headers = frame.l4 - frame.l3 + frame.tcpLength;
    this.counters.add(packets, frame.segments);
    this.counters.add(bytes, headers * frame.segments + frame.payload);
  }

  /** Not one of ours, nor one that no station can have (RFC 1122 3.2.1.3, RFC 4291 2.7): nobody could be answered. */
  #isUsableSource(frame: Frame): boolean {
    const { source0, source1, source2, source3 } = frame;
    if (this.#own.kind(source0, source1, source2, source3) !== -1) return false;
    if (frame.family === 4) {
      const first = source3 >>> 24;
      return first !== 0 && first !== 127 && first < 224;
    }
    const unspecifiedOrLoopback = source0 === 0 && source1 === 0 && source2 === 0 && source3 >>> 1 === 0;
    return !unspecifiedOrLoopback && source0 >>> 24 !== 0xff;
  }

  #drop(reason: number): number {
    this.counters.add(reason);
    return DROPPED;
  }

  /** The hop stays acquired for as long as the balancer lives. */
  #prepareHop(address: Int32Array): void {
    const [word0, word1, word2, word3] = address as unknown as [number, number, number, number];
    const route = this.#routes.find(word0, word1, word2, word3);
    if (route === undefined) return;
    const hop = this.#neighbors.acquire(route, word0, word1, word2, word3);
    if (hop !== -1) this.#neighbors.prepare(hop);
  }

  #setClock(now: number): void {
    this.#now = now;
    this.#tick = Math.floor(now / TICK);
  }
}

function createServices(config: ResolvedConfig, random: number): VirtualService[] {
  const services: VirtualService[] = [];
  let firstServer = 0;
  for (const [index, service] of config.services.entries()) {
    services.push(new VirtualService(service, index, firstServer, random));
    firstServer += service.realServers.length;
  }
  return services;
}
