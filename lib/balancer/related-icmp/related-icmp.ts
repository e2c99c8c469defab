import { IPV6_MIN_MTU } from '../../net/ipv6.js';
import { isIpv4At } from '../address-words.js';
import type { ConnectionTable } from '../connection/connection-table.js';
import { CLIENT, CLIENT_HOP, OWNER, RECORD_WORDS, SERVER, SERVER_HOP } from '../connection/record.js';
import { COUNTER, type Counters } from '../counters.js';
import { mayBeCut, replaceWithIpv4, replaceWithIpv6 } from '../forwarding/family.js';
import type { Frame } from '../frame.js';
import type { Neighbors } from '../neighbors.js';
import { PARSED } from '../parse.js';
import type { Routes } from '../routes.js';
import type { Directory } from '../service/directory.js';
import type { VirtualService } from '../service/virtual-service.js';
import type { Traffic } from '../statistics/traffic.js';
import { DROPPED } from '../verdict.js';
import { ErrorSender } from './error-sender.js';
import { soundMtu, turnIntoIcmp, turnIntoIcmpv6 } from './error-translation.js';
import { isInFlight } from './plausible.js';
import { quotedTotal, readQuotedTransport, turnRound } from './quoted-packet.js';
import { ReceivedError } from './received-error.js';
import { restoreClientPacket, restoreServerPacket } from './restore.js';
import { isAboutTunnel, TunnelErrors } from './tunnel-errors.js';

/**
 * ICMP errors about packets that the balancer has forwarded. They come to the address that the packet had as its
 * source, and go on to who sent it first, about the packet as that one knows it.
 */
export class RelatedIcmp {
  readonly #table: ConnectionTable;
  readonly #directory: Directory;
  readonly #neighbors: Neighbors;
  readonly #counters: Counters;
  readonly #sender: ErrorSender;
  readonly #tunnels: TunnelErrors;
  #routes: Routes;
  readonly #error = new ReceivedError();

  constructor(parts: {
    table: ConnectionTable;
    directory: Directory;
    neighbors: Neighbors;
    routes: Routes;
    traffic: Traffic;
    counters: Counters;
  }) {
    const { neighbors, routes, traffic, counters } = parts;
    this.#table = parts.table;
    this.#directory = parts.directory;
    this.#neighbors = neighbors;
    this.#routes = routes;
    this.#counters = counters;
    this.#sender = new ErrorSender(neighbors, traffic, counters);
    this.#tunnels = new TunnelErrors({ ...parts, sender: this.#sender });
  }

  /** The configuration has changed. */
  set routes(routes: Routes) {
    this.#routes = routes;
    this.#tunnels.routes = routes;
  }

  /**
   * Sends an error on, in place.
   * @param frame one that `isIcmpError` is true of @param tick the time
   * @returns as `Balancer.process`
   */
  process(frame: Frame, tick: number): number {
    const error = this.#error;
    const { quote } = error;
    let fault = error.read(frame);
    if (fault !== PARSED) return this.#drop(fault);
    if (isAboutTunnel(error)) return this.#tunnels.process(frame, error, tick);
    fault = readQuotedTransport(quote);
    if (fault !== PARSED) return this.#drop(fault);
    turnRound(quote);
    const found = this.#table.find(quote);
    if (found === -1) return this.#drop(COUNTER['drop-icmp-unknown-connection']);
    const { words } = this.#table;
    const base = (found >> 1) * RECORD_WORDS;
    const aboutClient = (found & 1) === 1;
    if (!this.#isFromRightSide(frame, base, aboutClient)) return this.#drop(COUNTER['drop-icmp-wrong-side']);
    const service = this.#directory.services[words[base + OWNER]! >>> 16]!;
    if (!aboutClient && !service.toa.shared && this.#isInsidersName(frame, base)) {
      return this.#drop(COUNTER['drop-icmp-spoofed-source']);
    }
    if (!isInFlight(quote, words, base, aboutClient)) return this.#drop(COUNTER['drop-icmp-implausible']);
    if (error.hopLimit <= 1) return this.#drop(COUNTER['drop-ttl-expired']);
    if (aboutClient) return this.#toClient(frame, base, service, tick);
    if (service.oneWay) return this.#sender.passOn(frame, words, base, service);
    return this.#toServer(frame, base, service);
  }

  /**
   * An error about what we sent to a real server comes by the link that leads there: clients must not reach those
   * connections. One about what we sent to a client comes by any but that link, for the networks on a client's side
   * have more ways than one; or by that link where it is the one for both.
   */
  #isFromRightSide({ link }: Frame, base: number, aboutClient: boolean): boolean {
    const { words } = this.#table;
    const fromServers = link === this.#neighbors.linkOf(words[base + SERVER_HOP]!);
    if (aboutClient) return fromServers;
    const clientHop = words[base + CLIENT_HOP]!;
    return !fromServers || clientHop === -1 || link === this.#neighbors.linkOf(clientHop);
  }

  /**
   * NAT, DR and TUN leave an error the source that it has, which may be any router's; but not the name of
   * one on the real server's own link, whom it may trust, where the error came by another.
   */
  #isInsidersName({ link, source0, source1, source2, source3 }: Frame, base: number): boolean {
    const serverLink = this.#neighbors.linkOf(this.#table.words[base + SERVER_HOP]!);
    return link !== serverLink && this.#routes.find(source0, source1, source2, source3)?.link === serverLink;
  }

  /** About a packet of the client's. */
  #toClient(frame: Frame, base: number, { toa, forwarding }: VirtualService, tick: number): number {
    const { words } = this.#table;
    const { quote, header, mtu } = this.#error;
    const aboutIpv6 = quote.family === 6;
    if (!aboutIpv6 && !isIpv4At(words, base + CLIENT)) {
      if (!turnIntoIcmpv6(header)) return this.#drop(COUNTER['drop-icmp-untranslatable']);
      replaceWithIpv6(quote, quotedTotal(quote) - (quote.l4 - quote.l3));
    }
    const room = restoreClientPacket(quote, words, base, toa);
    if (mtu !== 0) {
      const told = mtu + forwarding.growthToClient - room;
      header.value = soundMtu(told, quote.family);
      // The client cannot leave room for the option where IPv6 does not let it: such packets go without.
      if (aboutIpv6 && told < IPV6_MIN_MTU) {
        this.#directory.pathMtus.learn(words[base + OWNER]! & 0xffff, Math.max(mtu, IPV6_MIN_MTU), tick);
      }
    }
    return this.#sender.toClient(frame, this.#error, words, base, words[base + CLIENT_HOP]!);
  }

  /** About a packet of the real server's. */
  #toServer(frame: Frame, base: number, { toa, forwarding }: VirtualService): number {
    const { words } = this.#table;
    const { quote, header, mtu } = this.#error;
    restoreServerPacket(quote, words, base);
    if (quote.family === 6 && isIpv4At(words, base + SERVER)) {
      if (!turnIntoIcmp(header)) return this.#drop(COUNTER['drop-icmp-untranslatable']);
      const length = quotedTotal(quote) - (quote.l4 - quote.l3);
      replaceWithIpv4(quote, length, mayBeCut(length));
    }
    if (mtu !== 0) header.value = soundMtu(mtu - forwarding.growthToClient, quote.family);
    return this.#sender.toServer(frame, this.#error, words, base, toa.shared);
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return DROPPED;
  }
}
