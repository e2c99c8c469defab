import { ETHERNET_HEADER, ETHERNET_SOURCE, ETHERNET_TYPE, ETHERTYPE_ARP } from '../net/ethernet.js';
import { IPV4_TTL, PROTOCOL_TCP, PROTOCOL_UDP } from '../net/ipv4.js';
import { IPV6_HOP_LIMIT, IPV6_MIN_MTU } from '../net/ipv6.js';
import { RST, SYN, SYN_ACK } from '../net/tcp.js';
import type { AddressTable } from './address-table.js';
import { textOf, wordsOf } from './address-words.js';
import { type Difference, differenceOf, isEmpty, type ServiceDifference } from './config/difference.js';
import type { Fault } from './config/faults.js';
import type { ResolvedConfig } from './config/model.js';
import { refuseChanges } from './config/refuse-changes.js';
import { activeStates } from './connection/active-states.js';
import { CarryOver } from './connection/carry-over.js';
import { ConnectionTable } from './connection/connection-table.js';
import { Defence } from './connection/defence.js';
import { ExpiryResets } from './connection/expiry-resets.js';
import { InitialSequence } from './connection/initial-sequence.js';
import { KeyedHash } from './connection/keyed-hash.js';
import { isOpening, Lifecycle } from './connection/lifecycle.js';
import { Opening } from './connection/opening.js';
import { Persistence } from './connection/persistence.js';
import { ProxyHeaders } from './connection/proxy-headers.js';
import {
  CLIENT_HOP,
  FLAG_HEADER_DUE,
  FLAG_HEADER_NEAR,
  FLAG_HEADER_SENT,
  FLAG_SYN_PROXY,
  OWNER,
  RECORD_WORDS,
  SEGMENT_MAX,
  SERVER_HOP,
  STATE,
} from './connection/record.js';
import { SequenceShift } from './connection/sequence-shift.js';
import { TICK, TimerWheel } from './connection/timer-wheel.js';
import { COUNTER, Counters } from './counters.js';
import { Emitted } from './emitted.js';
import { cutPayload } from './forwarding/cut-payload.js';
import { Fragmenter, isFragmentable, isOversize } from './forwarding/fragmenter.js';
import { PacketIds } from './forwarding/packet-ids.js';
import { takeSegment } from './forwarding/segments.js';
import { isMarkedSyn, isTooFullForToa, packetLength } from './forwarding/toa.js';
import { Fragments, REASSEMBLED } from './fragments.js';
import type { Frame } from './frame.js';
import { natServersOf, ownAddressesOf, routesOf } from './from-config.js';
import { IcmpErrors, PORT_UNREACHABLE, TIME_EXCEEDED, TOO_BIG } from './icmp.js';
import { type LinkHardware, LinkPort } from './link-port.js';
import { LocalDelivery } from './local-delivery.js';
import { Neighbors } from './neighbors.js';
import type { OwnAddresses } from './own-addresses.js';
import { FRAGMENT, PARSED, parse } from './parse.js';
import { randomStream } from './random-stream.js';
import { isIcmpError } from './related-icmp/received-error.js';
import { RelatedIcmp } from './related-icmp/related-icmp.js';
import { turnIntoReset } from './reset.js';
import type { Route, Routes } from './routes.js';
import { Directory, STANDING_ENDING, STANDING_REMOVED, STANDING_SOUND } from './service/directory.js';
import type { PathMtus } from './service/path-mtus.js';
import { PortUse } from './service/port-use.js';
import { ServiceTable } from './service/service-table.js';
import type { VirtualService } from './service/virtual-service.js';
import { Statistics } from './statistics/statistics.js';
import { BYTES_IN, BYTES_OUT, CONNECTIONS, PACKETS_IN, PACKETS_OUT, Traffic } from './statistics/traffic.js';
import { Handshakes } from './syn-proxy/handshakes.js';
import { KeptSegments } from './syn-proxy/kept-segments.js';
import { ServerAnswers } from './syn-proxy/server-answers.js';
import { ServerSyns } from './syn-proxy/server-syns.js';
import { SynProxy } from './syn-proxy/syn-proxy.js';
import { CONSUMED, DROPPED, FORWARD } from './verdict.js';

/** What the balancer is told of the world it runs in: it has no clock, no randomness and no device of its own. */
export interface Environment {
  /** In the order of the configuration's links. */
  readonly links: readonly LinkHardware[];
  /** 32 random bytes, kept secret: hash keys and initial sequence numbers come from them. */
  readonly secret: Uint8Array;
  /** Milliseconds of a monotonic clock, as in every later call. */
  readonly now: number;
  /** Zeroed memory of so many bytes for the connection table. Default: an ordinary ArrayBuffer. */
  readonly allocate?: (bytes: number) => ArrayBuffer;
}

/** What became of another configuration: every fault, and then nothing was changed; or what differed, and it runs. */
export type Application =
  | { readonly faults: readonly Fault[]; readonly difference?: never }
  | { readonly difference: Difference; readonly faults?: never };

/** The destination of a route over a gateway, which does not matter. */
const NOWHERE = new Int32Array(4);

/** Emitted frames that must be free for `advance` to expire one more connection, which may take two. */
const EXPIRY_RESERVE = 16;
/** Connections that `advance` looks at before packets get their turn: some ten microseconds. */
const EXPIRY_BATCH = 64;

/**
 * A load balancer's core: frames in, frames out. It holds no socket and no timer; whoever runs it hands each frame to
 * `process`, calls `advance` some four times a second, and after each call sends what waits in `emitted`.
 */
export class Balancer {
  readonly counters = new Counters();
  /** Frames to send besides the one that `process` was given. */
  readonly emitted = new Emitted();
  readonly connections: ConnectionTable;
  /** By the positions that connections remember them by. */
  readonly realServers: Directory['servers'];
  readonly statistics: Statistics;

  readonly #hash: KeyedHash;
  readonly #links: readonly LinkPort[];
  readonly #directory: Directory;
  /** The directory's, by position. */
  readonly #services: readonly (VirtualService | undefined)[];
  readonly #standing: Uint8Array;
  readonly #portUse: PortUse;
  readonly #pathMtus: PathMtus;
  readonly #neighbors: Neighbors;
  readonly #icmp: IcmpErrors;
  readonly #related: RelatedIcmp;
  readonly #persistence: Persistence;
  readonly #opening: Opening;
  readonly #carryOver: CarryOver;
  readonly #lifecycle: Lifecycle;
  readonly #handshakes: Handshakes;
  readonly #serverAnswers: ServerAnswers;
  readonly #defence: Defence;
  readonly #fragments: Fragments;
  readonly #fragmenter: Fragmenter;
  readonly #proxyHeaders: ProxyHeaders;
  readonly #synProxy: SynProxy;
  readonly #traffic = new Traffic();
  #now = 0;
  #tick = 0;
  /** In which `advance` did last what it does once a tick, and once a second; `#now` moves with every packet. */
  #advanced = -1;
  #second = 0;
  /** The neighbors that the configuration holds. */
  #prepared: number[] = [];

  /** What follows from the configuration alone, and is replaced with it. */
  #config: ResolvedConfig;
  #serviceTable: ServiceTable;
  #routes: Routes;
  #own: OwnAddresses;
  /** VIPs and local addresses that only connections have still: they are answered for until the next change without them. */
  #former: readonly Int32Array[] = [];
  /** Real servers whose answers come with the client's address as their destination. */
  #natServers: AddressTable;
  readonly #local: LocalDelivery;

  /** @param config a validated configuration (`validateConfig`) */
  constructor(config: ResolvedConfig, environment: Environment) {
    const { secret } = environment;
    const { counters, emitted } = this;
    this.#setClock(environment.now);
    const tick = this.#tick;
    const hash = new KeyedHash(secret.subarray(0, 8));
    const random = randomStream(
      new DataView(secret.buffer, secret.byteOffset, secret.byteLength).getUint32(24),
    );
    const { profile } = config.settings;
    this.#hash = hash;
    this.#links = config.links.map(
      ({ name, addresses }, i) => new LinkPort(name, i, environment.links[i]!, addresses.map(wordsOf)),
    );
    const portUse = new PortUse(hash);
    this.#portUse = portUse;
    const packetIds = new PacketIds(hash);
    this.#directory = new Directory({ profile, portUse, packetIds, random });
    this.#services = this.#directory.services;
    this.realServers = this.#directory.servers;
    this.#standing = this.#directory.standing;
    this.#pathMtus = this.#directory.pathMtus;
    this.statistics = new Statistics(this.#traffic, this.#directory, environment.now);
    this.connections = new ConnectionTable(hash, config.settings.maxConnections, environment.allocate);
    const table = this.connections;
    const { words } = table;
    const wheel = new TimerWheel(words, tick);
    const neighbors = new Neighbors(this.#links, emitted, counters, hash, tick);
    const shift = new SequenceShift(words, new InitialSequence(secret.subarray(8, 24)), counters);
    const persistence = new Persistence(table, wheel, this.#directory, counters);
    this.#neighbors = neighbors;
    this.#persistence = persistence;
    this.#config = config;
    this.#directory.configure(config.services, this.statistics);
    this.#routes = routesOf(config, this.#links);
    this.#own = this.#ownAddressesOf(config);
    this.#icmp = new IcmpErrors(this.#own, emitted, counters);
    this.#fragments = new Fragments({ hash, emitted, counters, icmp: this.#icmp, links: this.#links });
    this.#fragmenter = new Fragmenter(emitted, counters, packetIds);
    const resets = new ExpiryResets(emitted, neighbors, counters);
    const directory = this.#directory;
    const serverSyns = new ServerSyns({ words, wheel, directory, neighbors, emitted, counters });
    const keptSegments = new KeptSegments(words, emitted, counters);
    this.#lifecycle = new Lifecycle({
      table,
      wheel,
      neighbors,
      directory: this.#directory,
      persistence,
      shift,
      resets,
      serverSyns,
      keptSegments,
      counters,
      activeStates: activeStates(profile),
    });
    this.#proxyHeaders = new ProxyHeaders(words, emitted, neighbors, counters);
    this.#synProxy = new SynProxy(secret.subarray(8, 24), counters);
    this.#defence = new Defence(table, this.#lifecycle, counters);

    this.#local = new LocalDelivery(this.#own, neighbors, emitted, counters);
    this.#natServers = natServersOf(config, this.#hash);
    this.#serviceTable = new ServiceTable(this.#directory.current, hash);
    this.#opening = new Opening({ table, wheel, neighbors, routes: this.#routes, persistence, shift });
    this.#handshakes = new Handshakes({
      table,
      synProxy: this.#synProxy,
      opening: this.#opening,
      lifecycle: this.#lifecycle,
      directory,
      shift,
      serverSyns,
      keptSegments,
      resets,
      counters,
    });
    this.#serverAnswers = new ServerAnswers({
      table,
      lifecycle: this.#lifecycle,
      directory,
      shift,
      keptSegments,
      counters,
      resume: (frame) => this.#resume(frame),
    });
    this.#related = new RelatedIcmp({
      table,
      directory: this.#directory,
      neighbors,
      routes: this.#routes,
      traffic: this.#traffic,
      counters,
    });
    this.#carryOver = new CarryOver({ table, wheel, neighbors, directory: this.#directory, portUse, hash });
    this.#takeSettings(config);
  }

  /** The services of the configuration, in its order. */
  get services(): readonly VirtualService[] {
    return this.#directory.current;
  }

  /** For who looks on, as a tracer does: what waits for neighbors, */
  get neighbors(): Neighbors {
    return this.#neighbors;
  }

  /** and for the rest of a packet. */
  get fragments(): Fragments {
    return this.#fragments;
  }

  /**
   * Announces the balancer's addresses on all its links, and asks for the ways to the real servers. Gateways get their
   * places among the neighbors before strangers can take them all.
   */
  start(now: number): void {
    this.#setClock(now);
    this.#announce();
    this.#prepareHops();
  }

  /**
   * Takes over another configuration: only what differs changes, and connections live on. Frames may wait in `emitted`
   * afterwards. Where routes, addresses or timeouts differ, each connection is looked at: some 10 ms for 10 000.
   * @param config validated (`validateConfig`); its links, `maxConnections` and `profile` are those of the running one
   * @param now milliseconds
   */
  apply(config: ResolvedConfig, now: number): Application {
    this.#setClock(now);
    const faults = this.#refuseChanges(config);
    if (faults.length > 0) return { faults };
    const difference = differenceOf(this.#config, config);
    if (isEmpty(difference)) return { difference };
    this.#config = config;
    const timeouts = this.#services.map((service) => service?.timeouts);
    this.#directory.configure(config.services, this.statistics);
    this.#carryOver.retime(timeouts);
    if (this.#portUse.isStale || this.#former.length > 0 || movesService(difference)) this.#recount(config);
    this.#natServers = natServersOf(config, this.#hash);
    this.#serviceTable = new ServiceTable(this.#directory.current, this.#hash);
    this.#takeSettings(config);
    this.#takeRoutes(routesOf(config, this.#links));
    this.#takeOwnAddresses(this.#ownAddressesOf(config));
    this.#prepareHops();
    return { difference };
  }

  /**
   * VIPs and local addresses that the configuration, or a VIP's service, has no longer, but connections have still: they
   * are the balancer's too.
   */
  get formerAddresses(): readonly string[] {
    return this.#former.map(textOf);
  }

  #refuseChanges(config: ResolvedConfig): readonly Fault[] {
    const faults = refuseChanges(this.#config, config);
    if (this.#directory.hasRoomFor(config.services)) return faults;
    const wanted = 'room beside those that have connections still';
    return [...faults, { path: 'services', given: 'more', wanted }];
  }

  /** What is somebody's own by now, a real server's too, is no former address. */
  #recount({ services }: ResolvedConfig): void {
    const owned = services.flatMap(({ address, localAddresses, realServers }) => [
      ...address.filter((text) => !text.includes('/')),
      ...localAddresses,
      ...realServers.map((server) => server.address),
    ]);
    const configured = new Set(owned.map((text) => String(wordsOf(text))));
    this.#former = this.#carryOver.recount().filter((words) => !configured.has(String(words)));
  }

  #takeRoutes(routes: Routes): void {
    if (routes.text === this.#routes.text) return;
    this.#routes = routes;
    this.#opening.routes = routes;
    this.#related.routes = routes;
    this.#carryOver.reroute(routes);
    this.#pathMtus.forgetAll();
  }

  #takeOwnAddresses(own: OwnAddresses): void {
    if (own.text === this.#own.text) return;
    this.#own = own;
    this.#local.own = own;
    this.#icmp.own = own;
    this.#announce();
  }

  /** A link came up: announces the balancer's addresses on it. */
  linkUp(link: number, now: number): void {
    this.#setClock(now);
    this.#own.announce(this.#links[link]!, this.emitted);
  }

  #announce(): void {
    for (const link of this.#links) this.#own.announce(link, this.emitted);
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
    if (fault === FRAGMENT) return this.#fragment(frame, forUs);
    if (fault !== PARSED) return this.#drop(fault);
    return this.#packet(frame, link, forUs);
  }

  /** A whole IP packet, parsed. */
  #packet(frame: Frame, link: LinkPort, forUs: boolean): number {
    if (frame.protocol !== PROTOCOL_TCP && frame.protocol !== PROTOCOL_UDP) {
      if (!isIcmpError(frame)) return this.#local.notBalanced(frame, link, forUs);
      if (!forUs) return this.#drop(COUNTER['drop-not-for-us']);
      if (!this.#isUsableSource(frame)) return this.#drop(COUNTER['drop-invalid-source']);
      return this.#related.process(frame, this.#tick);
    }
    if (!forUs) return this.#drop(COUNTER['drop-not-for-us']);

    const found = this.connections.find(frame);
    if (found === -1) return this.#unknown(frame, link);
    const connection = found >> 1;
    const fromClient = (found & 1) === 0;
    const { words } = this.connections;
    if (!fromClient && this.#isFromWrongSide(frame, connection))
      return this.#drop(COUNTER['drop-wrong-side']);
    const owner = words[connection * RECORD_WORDS + OWNER]!;
    const standing = this.#standing[owner & 0xffff]!;
    if (standing !== STANDING_SOUND) return this.#withoutServer(frame, link, found, standing);
    if (!fromClient && (frame.tcpFlags & SYN_ACK) === SYN_ACK && this.#isStrangeSynAck(frame, connection))
      return this.#stray(frame, link, COUNTER['drop-strange-syn-ack'], 'reset');
    if ((words[connection * RECORD_WORDS + STATE]! & FLAG_SYN_PROXY) !== 0) {
      const verdict = this.#proxied(frame, link, connection, fromClient);
      if (verdict !== FORWARD) return verdict;
    }
    if (!fromClient) return this.#fromServer(frame, link, connection);
    if ((frame.tcpFlags & SYN) !== 0 && this.#lifecycle.isRenewal(connection, frame)) {
      return this.#renew(frame, link, connection);
    }
    return this.#fromClient(frame, link, connection);
  }

  /**
   * Whether a real server's packet came by the link that leads to the client, and not to the real server: a client could
   * have sent it. Any other link will do, for networks have more ways than one.
   */
  #isFromWrongSide({ link }: Frame, connection: number): boolean {
    const { words } = this.connections;
    const base = connection * RECORD_WORDS;
    if (link === this.#neighbors.linkOf(words[base + SERVER_HOP]!)) return false;
    return link === this.#neighbors.linkOf(words[base + CLIENT_HOP]!);
  }

  /** Whether a real server answers a SYN of which the connection that follows would have no PROXY header. */
  #isStrangeSynAck(frame: Frame, connection: number): boolean {
    const answersLater = this.#lifecycle.answersLaterSyn(connection, frame);
    return !this.#proxyHeaders.onServerSyn(connection * RECORD_WORDS, frame, answersLater);
  }

  /** A packet of a connection whose client shook hands with us. @returns FORWARD where it goes on like any other */
  #proxied(frame: Frame, link: LinkPort, connection: number, fromClient: boolean): number {
    const { words } = this.connections;
    const base = connection * RECORD_WORDS;
    if (!fromClient) {
      const verdict = this.#serverAnswers.process(frame, link, connection, this.#tick);
      if (verdict === CONSUMED) this.#count(frame, words[base + OWNER]! & 0xffff, PACKETS_OUT, BYTES_OUT);
      return verdict;
    }
    // A SYN may be for us alone; anything else is for the real server, and must be able to get there if it is to begin anything.
    if (!isOpening(frame.tcpFlags)) {
      const refusal = this.#refusal(frame, link, Number.MAX_SAFE_INTEGER);
      if (refusal !== PARSED) return this.#drop(refusal);
    }
    const verdict = this.#handshakes.fromClient(frame, link, connection, this.#now, this.#tick);
    if (verdict !== FORWARD) return verdict;
    const refusal = this.#refusal(frame, link, words[base + SEGMENT_MAX]! + frame.l4 - frame.l3);
    return refusal === PARSED ? FORWARD : this.#drop(refusal);
  }

  /** A client's segment that has waited goes on, in a frame of `emitted`'s. */
  #resume(frame: Frame): void {
    const verdict = this.#packet(frame, this.#links[frame.link]!, true);
    if (verdict >= 0) this.emitted.send(frame, verdict);
    else this.emitted.discard(frame);
  }

  /** Another connection in place of one that is over. As in Linux, that still is a load when a real server is chosen. */
  #renew(frame: Frame, link: LinkPort, connection: number): number {
    this.counters.add(COUNTER['connections-renewed']);
    this.#lifecycle.withdraw(connection);
    const verdict = this.#unknown(frame, link);
    this.#lifecycle.forget(connection);
    return verdict;
  }

  /** A fragment: kept until its datagram is whole, which then goes on like any other packet. */
  #fragment(frame: Frame, forUs: boolean): number {
    if (!forUs) return this.#drop(COUNTER['drop-not-for-us']);
    if (!this.#isExpected(frame)) return this.#drop(COUNTER['drop-unknown-address']);
    if (!this.#isUsableSource(frame)) return this.#drop(COUNTER['drop-invalid-source']);
    const result = this.#fragments.add(frame, this.#now);
    if (result !== REASSEMBLED) return result;
    const { whole } = this.#fragments;
    const verdict = this.#packet(whole, this.#links[whole.link]!, true);
    if (verdict >= 0) return this.#sendWhole(whole, verdict);
    this.emitted.discard(whole);
    return verdict;
  }

  /** Whether a fragment is for an address of ours, or the answer of a real server that gives the client's as its destination. */
  #isExpected(frame: Frame): boolean {
    const { source0, source1, source2, source3 } = frame;
    return this.#isOurs(frame) || this.#natServers.find(source0, source1, source2, source3, 0) !== -1;
  }

  /** Whether a packet's destination is an address of the balancer. */
  #isOurs({ destination0, destination1, destination2, destination3 }: Frame): boolean {
    return this.#own.has(destination0, destination1, destination2, destination3);
  }

  /** Sends a datagram that was made whole, with its MAC addresses: in fragments where it is the long answer to a ping. */
  #sendWhole(whole: Frame, link: number): number {
    const { mtu } = this.#links[link]!;
    if (!isOversize(whole, mtu)) {
      this.emitted.send(whole, link);
      return CONSUMED;
    }
    const count = this.#fragmenter.begin(whole, mtu);
    for (let i = 0; i < count; i++) this.emitted.send(this.#fragmenter.fragment(i), link);
    this.emitted.discard(whole);
    return count === 0 ? DROPPED : CONSUMED;
  }

  /**
   * Moves the clock: expires connections, asks for neighbors again, goes on with announcements. To be called about every 250 ms.
   * @param now milliseconds
   * @returns whether there is more to do at once, when `emitted` was drained and packets that wait were processed
   */
  advance(now: number): boolean {
    this.#setClock(now);
    if (this.#tick !== this.#advanced) this.#advanceTick(now);
    for (let left = EXPIRY_BATCH; left > 0 && this.emitted.available >= EXPIRY_RESERVE; left--) {
      if (this.#fragments.expireNext(now)) continue;
      if (!this.#lifecycle.expireNext(this.#tick)) return this.#own.continueAnnouncing(this.emitted);
    }
    return true;
  }

  /** What is done once in a tick, however much there is to expire in it. */
  #advanceTick(now: number): void {
    this.#advanced = this.#tick;
    this.#neighbors.advance(this.#tick);
    this.#proxyHeaders.advance(this.#tick);
    if (this.statistics.advance(now)) this.#limitRates();
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#pathMtus.advance(this.#tick);
    for (const service of this.services) service.synProtection.advance(this.counters);
    this.#defence.advance(this.#tick, (this.emitted.available - EXPIRY_RESERVE) >> 1);
  }

  #fromClient(frame: Frame, link: LinkPort, connection: number): number {
    const { words } = this.connections;
    const base = connection * RECORD_WORDS;
    const owner = words[base + OWNER]!;
    const service = this.#services[owner >>> 16]!;
    const { forwarding, toa } = service;
    const hop = words[base + SERVER_HOP]!;
    const mtu = Math.min(this.#neighbors.mtuOf(hop), this.#pathMtus.of(owner & 0xffff));
    if (!isEasilyForwarded(frame, mtu)) {
      const most = mtu - forwarding.growth(words, base);
      const refusal = this.#refusal(frame, link, most);
      if (refusal !== PARSED) return this.#drop(refusal);
      if (isTooFullForToa(frame, toa, optionLimit(frame, most)))
        return this.#drop(COUNTER['drop-toa-no-room']);
    }

    this.#observeSender(frame, words[base + CLIENT_HOP]!);
    this.#lifecycle.onClientPacket(connection, service, frame, this.#now, this.#tick);
    this.#count(frame, owner & 0xffff, PACKETS_IN, BYTES_IN);
    const hasHeader = (words[base + STATE]! & (FLAG_HEADER_DUE | FLAG_HEADER_SENT)) !== 0;
    if (hasHeader && !this.#proxyHeaders.onClientPacket(connection, frame, this.#tick)) return DROPPED;
    // The real server would not take it anyway, and with it there may be no room for the option: it comes again.
    if (frame.payload > 0 && isMarkedSyn(frame, toa)) {
      cutPayload(frame);
      this.counters.add(COUNTER['toa-syn-data-removed']);
    }
    if (frame.segments > 1) this.#sendAhead(frame, service, base, hop, mtu);
    forwarding.toServer(frame, words, base, toa, optionLimit(frame, mtu), this.counters);
    return this.#send(frame, hop, mtu);
  }

  #fromServer(frame: Frame, link: LinkPort, connection: number): number {
    const { words } = this.connections;
    const base = connection * RECORD_WORDS;
    const owner = words[base + OWNER]!;
    const hop = words[base + CLIENT_HOP]!;
    const service = this.#services[owner >>> 16]!;
    const mtu = this.#neighbors.mtuOf(hop);
    if (!isEasilyForwarded(frame, mtu)) {
      const refusal = this.#refusal(frame, link, mtu - service.forwarding.growthToClient);
      if (refusal !== PARSED) return this.#drop(refusal);
    }

    const serverHop = words[base + SERVER_HOP]!;
    this.#observeSender(frame, serverHop);
    this.#lifecycle.onServerPacket(connection, service, frame, this.#tick);
    this.#count(frame, owner & 0xffff, PACKETS_OUT, BYTES_OUT);
    if ((words[base + STATE]! & FLAG_HEADER_NEAR) !== 0) this.#proxyHeaders.onServerPacket(connection, frame);
    const serverMtu = this.#neighbors.mtuOf(serverHop);
    service.forwarding.toClient(frame, words, base, service.toa, serverMtu, this.counters);
    return this.#send(frame, hop, mtu);
  }

  /** Sends what a client's GSO frame has to be preceded by. */
  #sendAhead(
    frame: Frame,
    { forwarding, toa }: VirtualService,
    base: number,
    hop: number,
    mtu: number,
  ): void {
    const { words } = this.connections;
    for (;;) {
      const head = forwarding.splitAhead(frame, words, base, toa, this.emitted, this.counters);
      if (head === undefined) return;
      forwarding.toServer(head, words, base, toa, mtu, this.counters);
      this.#emit(head, hop, mtu);
    }
  }

  /** A packet whose connection has a real server that was removed, or quiesced where that ends connections. */
  #withoutServer(frame: Frame, link: LinkPort, found: number, standing: number): number {
    const connection = found >> 1;
    const fromClient = (found & 1) === 0;
    if (fromClient && this.#lifecycle.isRenewal(connection, frame)) {
      return this.#renew(frame, link, connection);
    }
    const isRemoved = (standing & STANDING_REMOVED) !== 0;
    const reason = COUNTER[isRemoved ? 'drop-server-removed' : 'drop-server-quiesced'];
    const beginsAnew = isRemoved && this.#config.settings.expireWithoutServer;
    if (!beginsAnew && (standing & STANDING_ENDING) === 0) return this.#drop(reason);
    this.#lifecycle.end(connection);
    return beginsAnew && this.#mayOpen(frame) ? this.#unknown(frame, link) : this.#drop(reason);
  }

  /** A packet of no connection: a SYN or a datagram may open one, anything else is stray. */
  #unknown(frame: Frame, link: LinkPort): number {
    const service = this.#serviceOf(frame);
    if (service === undefined && !this.#isOurs(frame)) return this.#drop(COUNTER['drop-unknown-address']);
    if (!this.#isUsableSource(frame)) return this.#drop(COUNTER['drop-invalid-source']);
    if (frame.ports >>> 16 === 0) return this.#drop(COUNTER['drop-source-port-0']);
    if (!this.#mayOpen(frame)) {
      if (service !== undefined && this.#synProxy.expects(frame, service, this.#now)) {
        return this.#cookieAck(frame, link, service);
      }
      return this.#stray(frame, link, COUNTER['drop-stray']);
    }
    if (service === undefined) return this.#stray(frame, link, COUNTER['drop-no-service']);
    if (service.synProtection.takesSyn(this.counters)) {
      return this.#synProxy.answer(frame, link, service, this.#now);
    }
    // Before anything is bound for it; its way out, and so its MTU, are not known yet.
    const refusal = this.#refusal(frame, link, Number.MAX_SAFE_INTEGER);
    if (refusal !== PARSED) return this.#drop(refusal);
    return this.#open(frame, link, service);
  }

  #serviceOf({ destination0, destination1, destination2, destination3, ports, protocol }: Frame) {
    const udp = protocol === PROTOCOL_UDP;
    const port = ports & 0xffff;
    const index = this.#serviceTable.find(destination0, destination1, destination2, destination3, port, udp);
    return index === -1 ? undefined : this.#services[index]!;
  }

  /** The client has shown that it is there, if the cookie is good. */
  #cookieAck(frame: Frame, link: LinkPort, service: VirtualService): number {
    const { settings } = service.synProtection;
    const data = this.#synProxy.check(frame, service, this.#now);
    if (data === ~COUNTER['drop-syn-proxy-null-ack']) return this.#drop(~data);
    if (data < 0) return this.#stray(frame, link, ~data, settings.badAck);
    if (service.isOverRate) return this.#drop(COUNTER['drop-rate-limited']);
    const refusal = this.#refusal(frame, link, Number.MAX_SAFE_INTEGER);
    if (refusal !== PARSED) return this.#drop(refusal);
    const connection = this.#handshakes.open(frame, service, data, this.#now, this.#tick);
    // Its handshake is over already: an RST is the only answer left.
    if (connection < 0) return this.#stray(frame, link, ~connection);
    this.#countNew(connection);
    return CONSUMED;
  }

  #open(frame: Frame, link: LinkPort, service: VirtualService): number {
    if (service.isOverRate) return this.#drop(COUNTER['drop-rate-limited']);
    const connection = this.#opening.open(frame, service, frame.sequence, this.#now, this.#tick);
    if (connection >= 0) {
      this.#countNew(connection);
      return this.#fromClient(frame, link, connection);
    }
    const reason = ~connection;
    if (reason === COUNTER['drop-no-real-server'] || reason === COUNTER['drop-no-local-port']) {
      this.#icmp.answer(frame, link, PORT_UNREACHABLE, 0, this.#now);
    }
    return this.#drop(reason);
  }

  #countNew(connection: number): void {
    this.counters.add(COUNTER['connections-new']);
    const owner = this.connections.words[connection * RECORD_WORDS + OWNER]!;
    this.#traffic.add(owner & 0xffff, CONNECTIONS, 1);
  }

  /** Any datagram, and a SYN. */
  #mayOpen(frame: Frame): boolean {
    return frame.protocol === PROTOCOL_UDP || isOpening(frame.tcpFlags);
  }

  /**
   * Counts a packet that nobody here knows. A segment is answered with an RST unless told to be silent, a datagram with
   * port unreachable, as a host without the service would.
   */
  #stray(frame: Frame, link: LinkPort, reason: number, answer = this.#config.settings.strayAck): number {
    this.counters.add(reason);
    if (frame.protocol === PROTOCOL_UDP) {
      this.#icmp.answer(frame, link, PORT_UNREACHABLE, 0, this.#now);
      return DROPPED;
    }
    if (answer === 'drop' || (frame.tcpFlags & RST) !== 0) return DROPPED;
    turnIntoReset(frame, link);
    this.counters.add(COUNTER['answer-reset']);
    return link.index;
  }

  /** Why a packet can go no further, after answering it; or PARSED. Nothing was changed in it or its connection. */
  #refusal(frame: Frame, link: LinkPort, mtu: number): number {
    const { bytes, l3 } = frame;
    const ttl = bytes[l3 + (frame.family === 4 ? IPV4_TTL : IPV6_HOP_LIMIT)]!;
    if (ttl <= 1) {
      this.#icmp.answer(frame, link, TIME_EXCEEDED, 0, this.#now);
      return COUNTER['drop-ttl-expired'];
    }
    const length = packetLength(frame);
    if (length <= mtu || isFragmentable(frame, mtu)) return PARSED;
    // No IPv6 host sends less than this (RFC 8200 5): such a packet is cut where NAT64 or a tunnel makes it too big.
    if (frame.family === 6 && length <= IPV6_MIN_MTU) return PARSED;
    this.#icmp.answer(frame, link, TOO_BIG, mtu, this.#now);
    return COUNTER['drop-too-big'];
  }

  #observeSender(frame: Frame, hop: number): void {
    if (hop === -1) return;
    const source = frame.start + ETHERNET_SOURCE;
    this.#neighbors.observe(hop, frame.view.getUint16(source), frame.view.getInt32(source + 2));
  }

  /** A packet leaves by a hop whose way carries `mtu` bytes: as it is, or cut so that it can. */
  #send(frame: Frame, hop: number, mtu: number): number {
    if (frame.segments > 1 && packetLength(frame) > mtu) {
      for (let head = this.#segment(frame); head !== undefined; head = this.#segment(frame)) {
        this.#emit(head, hop, mtu);
      }
    }
    return isOversize(frame, mtu) ? this.#sendFragments(frame, hop, mtu) : this.#leave(frame, hop);
  }

  #segment(frame: Frame): Frame | undefined {
    return takeSegment(frame, this.emitted, this.counters);
  }

  /** @returns CONSUMED, or DROPPED where one did not get away: without it the others are of no use */
  #sendFragments(frame: Frame, hop: number, mtu: number): number {
    const count = this.#fragmenter.begin(frame, mtu);
    let verdict = count === 0 ? DROPPED : CONSUMED;
    for (let i = 0; i < count; i++) {
      const fragment = this.#fragmenter.fragment(i);
      const link = this.#leave(fragment, hop);
      if (link >= 0) this.emitted.send(fragment, link);
      else this.emitted.discard(fragment);
      if (link === DROPPED) verdict = DROPPED;
    }
    return verdict;
  }

  #leave(frame: Frame, hop: number): number {
    const verdict = this.#neighbors.address(frame, hop);
    if (verdict >= 0) this.counters.add(COUNTER['frames-forwarded']);
    return verdict;
  }

  /** Sends a frame of our own, or leaves a copy with the neighbor it waits for. */
  #emit(frame: Frame, hop: number, mtu: number): void {
    const verdict = this.#send(frame, hop, mtu);
    if (verdict >= 0) this.emitted.send(frame, verdict);
    else this.emitted.discard(frame);
  }

  /** Counts packets and IP bytes as they are on the wire: a GSO frame is all its segments. */
  #count(frame: Frame, server: number, packets: number, bytes: number): void {
    const headers = frame.l4 - frame.l3 + frame.l4Length;
    this.#traffic.add(server, packets, frame.segments);
    this.#traffic.add(server, bytes, headers * frame.segments + frame.payload);
  }

  /** Not one of ours, nor one that no station can have (RFC 1122 3.2.1.3, RFC 4291 2.7): nobody could be answered. */
  #isUsableSource(frame: Frame): boolean {
    const { source0, source1, source2, source3 } = frame;
    if (this.#own.has(source0, source1, source2, source3)) return false;
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

  /** Gateways and real servers keep their places among the neighbors for as long as the configuration has them. */
  #prepareHops(): void {
    const before = this.#prepared;
    this.#prepared = [];
    for (const route of this.#routes.throughGateways()) this.#prepare(route, NOWHERE);
    for (const { realServers } of this.services) {
      for (const { address } of realServers) {
        const route = this.#routes.find(address[0]!, address[1]!, address[2]!, address[3]!);
        if (route !== undefined) this.#prepare(route, address);
      }
    }
    for (const hop of before) this.#neighbors.release(hop);
  }

  #prepare(route: Route, address: Int32Array): void {
    const hop = this.#neighbors.acquire(route, address[0]!, address[1]!, address[2]!, address[3]!);
    if (hop === -1) return;
    this.#prepared.push(hop);
    if (address !== NOWHERE) this.#neighbors.prepare(hop);
  }

  #setClock(now: number): void {
    this.#now = now;
    this.#tick = Math.floor(now / TICK);
  }

  #limitRates(): void {
    for (const service of this.services) service.judgeRates(this.statistics.ratesOf(service));
  }

  #takeSettings({ settings }: ResolvedConfig): void {
    this.#lifecycle.resetOnExpiry = settings.resetOnExpiry;
    this.#lifecycle.expireWithoutServer = settings.expireWithoutServer;
    this.#persistence.expireQuiescent = settings.expireQuiescentTemplate;
    this.#defence.mode = settings.dropEntry;
  }

  #ownAddressesOf(config: ResolvedConfig): OwnAddresses {
    return ownAddressesOf(config, this.#former, this.#links, this.#routes, this.#hash);
  }
}

/** Whether a service has other addresses than before: connections may have one that it has no longer. */
function movesService({ services }: Difference): boolean {
  const isMoved = ({ changes = [] }: ServiceDifference) => changes.some(({ name }) => name === 'address');
  return services?.changed?.some(isMoved) ?? false;
}

/** How long a packet may become by the option: one that came in fragments leaves in fragments. */
function optionLimit(frame: Frame, mtu: number): number {
  return frame.largestFragment === 0 ? mtu : Number.MAX_SAFE_INTEGER;
}

/** No mode makes a packet longer than this, by an option and a header. */
const GROWTH_MAX = 80;

/** Whether there is no need to look closer: it may live on, and fits whatever is added to it. */
function isEasilyForwarded(frame: Frame, mtu: number): boolean {
  const ttl = frame.bytes[frame.l3 + (frame.family === 4 ? IPV4_TTL : IPV6_HOP_LIMIT)]!;
  return ttl > 1 && packetLength(frame) + GROWTH_MAX <= mtu;
}
