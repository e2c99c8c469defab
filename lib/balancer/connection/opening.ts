import { PROTOCOL_UDP } from '../../net/ipv4.js';
import { COUNTER } from '../counters.js';
import { noteChecksumDeltas } from '../forwarding/checksum-deltas.js';
import type { Frame } from '../frame.js';
import type { Neighbors } from '../neighbors.js';
import type { Routes } from '../routes.js';
import type { RealServer } from '../service/real-server.js';
import type { VirtualService } from '../service/virtual-service.js';
import type { ConnectionTable } from './connection-table.js';
import type { Persistence } from './persistence.js';
import {
  CLIENT,
  CLIENT_HOP,
  CLIENT_PORTS,
  FLAG_CONNECTION,
  FLAG_HEADER_DUE,
  FLAG_ONE_WAY,
  FLAG_UDP,
  LOCAL,
  OWNER,
  RECORD_WORDS,
  SERVER,
  SERVER_HOP,
  SERVER_PORTS,
  STATE,
  TEMPLATE,
  VIP,
} from './record.js';
import type { SequenceShift } from './sequence-shift.js';
import { STATE_NONE } from './state.js';
import type { TimerWheel } from './timer-wheel.js';

const NO_HOP = -1;

/** The beginning of connections: which real server, which ways, which local port. */
export class Opening {
  /** Replaced when the configuration changes. */
  routes: Routes;
  readonly #table: ConnectionTable;
  readonly #wheel: TimerWheel;
  readonly #neighbors: Neighbors;
  readonly #persistence: Persistence;
  readonly #shift: SequenceShift;

  constructor(parts: {
    table: ConnectionTable;
    wheel: TimerWheel;
    neighbors: Neighbors;
    routes: Routes;
    persistence: Persistence;
    shift: SequenceShift;
  }) {
    this.routes = parts.routes;
    this.#table = parts.table;
    this.#wheel = parts.wheel;
    this.#neighbors = parts.neighbors;
    this.#persistence = parts.persistence;
    this.#shift = parts.shift;
  }

  /**
   * Makes a connection for a client's first packet.
   * @param initialSequence the client's, of TCP @param now milliseconds @param tick the same in ticks
   * @returns the connection, or `~counter` with the counter that says why there is none; then nothing is kept
   */
  open(frame: Frame, service: VirtualService, initialSequence: number, now: number, tick: number): number {
    const template = this.#persistence.find(frame, service);
    const remembered = template === -1 ? undefined : this.#persistence.serverOf(template);
    const server = remembered ?? service.scheduler.schedule(frame, now);
    if (server === undefined) return ~COUNTER['drop-no-real-server'];
    const connection = this.#table.allocate();
    if (connection === -1) return ~COUNTER['drop-table-full'];
    this.#fill(connection, frame, service, server);
    let fault = this.#findWays(connection, service, server);
    if (fault === 0) {
      fault = this.#bindLocal(connection, service, server);
      if (fault !== 0) this.#releaseWays(connection);
    }
    if (fault !== 0) {
      this.#table.release(connection);
      return fault;
    }
    const base = connection * RECORD_WORDS;
    noteChecksumDeltas(this.#table.words, base);
    if (frame.protocol !== PROTOCOL_UDP) this.#shift.begin(base, initialSequence, service.toa.shared, now);
    this.#table.insert(connection);
    this.#wheel.add(connection, tick + service.timeouts[STATE_NONE]!);
    server.bound();
    if (service.persistence !== undefined) {
      this.#table.words[base + TEMPLATE] = 1 + this.#persistence.hold(template, frame, service, server, tick);
    }
    return connection;
  }

  /** What the packet, the service and the real server tell. */
  #fill(connection: number, frame: Frame, service: VirtualService, server: RealServer): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    words[base + CLIENT] = frame.source0;
    words[base + CLIENT + 1] = frame.source1;
    words[base + CLIENT + 2] = frame.source2;
    words[base + CLIENT + 3] = frame.source3;
    words[base + VIP] = frame.destination0;
    words[base + VIP + 1] = frame.destination1;
    words[base + VIP + 2] = frame.destination2;
    words[base + VIP + 3] = frame.destination3;
    words[base + CLIENT_PORTS] = frame.ports;
    words.set(server.address, base + SERVER);
    words[base + OWNER] = (service.index << 16) | server.index;
    words[base + STATE] =
      STATE_NONE |
      FLAG_CONNECTION |
      (frame.protocol === PROTOCOL_UDP ? FLAG_UDP : 0) |
      (service.oneWay ? FLAG_ONE_WAY : 0) |
      (service.sendsProxyHeader ? FLAG_HEADER_DUE : 0);
  }

  /** Finds the next hops to both sides; of a one-way connection only to the real server. @returns 0, or `~counter` */
  #findWays(connection: number, service: VirtualService, { address }: RealServer): number {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    words[base + CLIENT_HOP] = NO_HOP;
    const serverRoute = this.routes.find(address[0]!, address[1]!, address[2]!, address[3]!);
    if (serverRoute === undefined) return ~COUNTER['drop-no-route'];
    if (!service.oneWay) {
      const client0 = words[base + CLIENT]!;
      const client1 = words[base + CLIENT + 1]!;
      const client2 = words[base + CLIENT + 2]!;
      const client3 = words[base + CLIENT + 3]!;
      const clientRoute = this.routes.find(client0, client1, client2, client3);
      if (clientRoute === undefined) return ~COUNTER['drop-no-route'];
      const clientHop = this.#neighbors.acquire(clientRoute, client0, client1, client2, client3);
      if (clientHop === -1) return ~COUNTER['drop-neighbor-table-full'];
      words[base + CLIENT_HOP] = clientHop;
    }
    const serverHop = this.#neighbors.acquire(
      serverRoute,
      address[0]!,
      address[1]!,
      address[2]!,
      address[3]!,
    );
    words[base + SERVER_HOP] = serverHop;
    if (serverHop !== -1) return 0;
    this.#releaseWays(connection);
    return ~COUNTER['drop-neighbor-table-full'];
  }

  #releaseWays(connection: number): void {
    const base = connection * RECORD_WORDS;
    const { words } = this.#table;
    if (words[base + CLIENT_HOP] !== NO_HOP) this.#neighbors.release(words[base + CLIENT_HOP]!);
    if (words[base + SERVER_HOP] !== NO_HOP) this.#neighbors.release(words[base + SERVER_HOP]!);
  }

  /** Fills in what the real server's side is known by. @returns 0, or `~counter` */
  #bindLocal(connection: number, service: VirtualService, server: RealServer): number {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const ports = words[base + CLIENT_PORTS]!;
    const serverPort = server.port === 0 ? ports & 0xffff : server.port;
    if (service.mode === 'fullnat') {
      const bound = service.localAddresses.bind(this.#table, base, server, serverPort);
      return bound ? 0 : ~COUNTER['drop-no-local-port'];
    }
    words[base + SERVER_PORTS] = (serverPort << 16) | (ports >>> 16);
    if (service.mode === 'tun') {
      words.set(service.tunnelSource(server), base + LOCAL);
      return 0;
    }
    words.copyWithin(base + LOCAL, base + CLIENT, base + CLIENT + 4);
    const taken = service.mode === 'nat' && this.#table.hasServerSide(base);
    return taken ? ~COUNTER['drop-server-side-taken'] : 0;
  }
}
