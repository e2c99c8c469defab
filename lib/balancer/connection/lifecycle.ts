import { ACK, FIN, RST, SYN } from '../../net/tcp.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import { noteChecksumDeltas, swapPorts } from '../forwarding/fullnat.js';
import type { Frame } from '../frame.js';
import type { Neighbors } from '../neighbors.js';
import { RESET_MAX, writeReset } from '../reset.js';
import type { Route, Routes } from '../routes.js';
import type { RealServer } from '../service/real-server.js';
import type { VirtualService } from '../service/virtual-service.js';
import type { ConnectionTable } from './connection-table.js';
import type { InitialSequence } from './initial-sequence.js';
import {
  CLIENT,
  CLIENT_HOP,
  CLIENT_PORTS,
  FLAG_SERVER_SEEN,
  FLAG_SYN_ACK_SEEN,
  INITIAL_SEQUENCE,
  LOCAL,
  OWNER,
  RECORD_WORDS,
  SEQUENCE_DELTA,
  SERVER,
  SERVER_ACKNOWLEDGED,
  SERVER_END,
  SERVER_HOP,
  SERVER_PORTS,
  STATE,
  STATE_MASK,
  VIP,
} from './record.js';
import { nextState, STATE_ESTABLISHED, STATE_NONE, STATE_SYN_RECEIVED, STATE_SYN_SENT } from './tcp-state.js';
import type { TimerWheel } from './timer-wheel.js';

/** Whether a segment asks for a connection: SYN without ACK, RST or FIN. */
export function isOpening(flags: number): boolean {
  return (flags & (SYN | ACK | RST | FIN)) === SYN;
}

/** The beginning, the states and the end of connections. */
export class Lifecycle {
  readonly #table: ConnectionTable;
  readonly #wheel: TimerWheel;
  readonly #neighbors: Neighbors;
  readonly #routes: Routes;
  readonly #initialSequence: InitialSequence;
  readonly #services: readonly VirtualService[];
  readonly #emitted: Emitted;
  readonly #counters: Counters;
  readonly #resetOnExpiry: boolean;

  constructor(parts: {
    table: ConnectionTable;
    wheel: TimerWheel;
    neighbors: Neighbors;
    routes: Routes;
    initialSequence: InitialSequence;
    services: readonly VirtualService[];
    emitted: Emitted;
    counters: Counters;
    resetOnExpiry: boolean;
  }) {
    this.#table = parts.table;
    this.#wheel = parts.wheel;
    this.#neighbors = parts.neighbors;
    this.#routes = parts.routes;
    this.#initialSequence = parts.initialSequence;
    this.#services = parts.services;
    this.#emitted = parts.emitted;
    this.#counters = parts.counters;
    this.#resetOnExpiry = parts.resetOnExpiry;
  }

  /**
   * Makes a connection for a client's SYN: schedules it, finds the ways to both sides, binds a local port.
   * @param now milliseconds @param tick the same in ticks
   * @returns the connection, or `~counter` with the counter that says why there is none; then nothing is kept
   */
  open(frame: Frame, service: VirtualService, now: number, tick: number): number {
    const server = service.scheduler.schedule(frame, now);
    if (server === undefined) return ~COUNTER['drop-no-real-server'];
    const clientRoute = this.#routes.find(frame.source0, frame.source1, frame.source2, frame.source3);
    const { address } = server;
    const serverRoute = this.#routes.find(address[0]!, address[1]!, address[2]!, address[3]!);
    if (clientRoute === undefined || serverRoute === undefined) return ~COUNTER['drop-no-route'];
    const connection = this.#table.allocate();
    if (connection === -1) return ~COUNTER['drop-table-full'];
    const fault = this.#fill(connection, frame, service, server, clientRoute, serverRoute, now);
    if (fault !== 0) {
      this.#table.release(connection);
      return fault;
    }
    this.#table.insert(connection);
    this.#wheel.add(connection, tick + service.timeouts[STATE_NONE]!);
    server.active++;
    this.#counters.add(COUNTER['connections-new']);
    return connection;
  }

  /** Fills a cleared record. @returns 0, or `~counter` */
  #fill(
    connection: number,
    frame: Frame,
    service: VirtualService,
    server: RealServer,
    clientRoute: Route,
    serverRoute: Route,
    now: number,
  ): number {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    words[base + CLIENT] = frame.source0;
    words[base + CLIENT + 1] = frame.source1;
    words[base + CLIENT + 2] = frame.source2;
    words[base + CLIENT + 3] = frame.source3;
    words.set(service.address, base + VIP);
    words[base + CLIENT_PORTS] = frame.ports;
    words.set(server.address, base + SERVER);
    words[base + OWNER] = (service.index << 16) | server.index;
    words[base + STATE] = STATE_NONE;
    const clientHop = this.#neighbors.acquire(
      clientRoute,
      frame.source0,
      frame.source1,
      frame.source2,
      frame.source3,
    );
    if (clientHop === -1) return ~COUNTER['drop-neighbor-table-full'];
    const { address } = server;
    const serverHop = this.#neighbors.acquire(
      serverRoute,
      address[0]!,
      address[1]!,
      address[2]!,
      address[3]!,
    );
    if (serverHop === -1) {
      this.#neighbors.release(clientHop);
      return ~COUNTER['drop-neighbor-table-full'];
    }
    words[base + CLIENT_HOP] = clientHop;
    words[base + SERVER_HOP] = serverHop;
    const local = service.localAddresses.bind(this.#table, base, server, server.index - service.firstServer);
    if (local === -1) {
      this.#neighbors.release(clientHop);
      this.#neighbors.release(serverHop);
      return ~COUNTER['drop-no-local-port'];
    }
    noteChecksumDeltas(words, base);
    this.#shiftSequence(base, frame.sequence, now);
    return 0;
  }

  /** Enters a packet's next state and restarts the connection's timer. */
  onPacket(
    connection: number,
    service: VirtualService,
    frame: Frame,
    fromServer: boolean,
    now: number,
    tick: number,
  ): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const before = words[base + STATE]!;
    const state = nextState(before & STATE_MASK, frame.tcpFlags, fromServer);
    words[base + STATE] = (before & ~STATE_MASK) | state;
    this.#wheel.touch(connection, tick + service.timeouts[state]!);
    if (!fromServer && (state === STATE_SYN_RECEIVED || state === STATE_SYN_SENT)) {
      this.#onClientSyn(base, frame, now);
    }
  }

  /**
   * A SYN with another sequence number than the first reuses the connection for a new one: the real server must see
   * an initial sequence number beyond the old ones. A repeated SYN changes nothing.
   */
  #onClientSyn(base: number, frame: Frame, now: number): void {
    const { words } = this.#table;
    if (!isOpening(frame.tcpFlags)) return;
    if (((frame.sequence + words[base + SEQUENCE_DELTA]!) | 0) === words[base + INITIAL_SEQUENCE]) return;
    words[base + STATE]! &= ~(FLAG_SYN_ACK_SEEN | FLAG_SERVER_SEEN);
    this.#shiftSequence(base, frame.sequence, now);
    this.#counters.add(COUNTER['connections-reused']);
  }

  #shiftSequence(base: number, clientSequence: number, now: number): void {
    const { words } = this.#table;
    const initial = this.#initialSequence.of(words, base + SERVER, now);
    words[base + INITIAL_SEQUENCE] = initial;
    words[base + SEQUENCE_DELTA] = (initial - clientSequence) | 0;
  }

  /** Ends the next connection whose time is over; false when there is none. May emit two resets. */
  expireNext(tick: number): boolean {
    const connection = this.#wheel.expired(tick);
    if (connection === -1) return false;
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const state = words[base + STATE]!;
    if (
      this.#resetOnExpiry &&
      (state & STATE_MASK) === STATE_ESTABLISHED &&
      (state & FLAG_SERVER_SEEN) !== 0
    ) {
      this.#resetBoth(base);
    }
    const service = this.#services[words[base + OWNER]! >>> 16]!;
    const position = (words[base + OWNER]! & 0xffff) - service.firstServer;
    service.localAddresses.release(this.#table, connection, position);
    service.realServers[position]!.active--;
    this.#neighbors.release(words[base + CLIENT_HOP]!);
    this.#neighbors.release(words[base + SERVER_HOP]!);
    this.#table.remove(connection);
    this.#table.release(connection);
    this.#counters.add(COUNTER['connections-expired']);
    return true;
  }

  /** Tells both sides of an idle connection that it is gone, with what each expects next. */
  #resetBoth(base: number): void {
    const { words } = this.#table;
    this.#reset(
      words.subarray(base + LOCAL, base + LOCAL + 4),
      words.subarray(base + SERVER, base + SERVER + 4),
      swapPorts(words[base + SERVER_PORTS]!),
      words[base + SERVER_ACKNOWLEDGED]!,
      words[base + SERVER_HOP]!,
    );
    this.#reset(
      words.subarray(base + VIP, base + VIP + 4),
      words.subarray(base + CLIENT, base + CLIENT + 4),
      swapPorts(words[base + CLIENT_PORTS]!),
      words[base + SERVER_END]!,
      words[base + CLIENT_HOP]!,
    );
  }

  #reset(source: Int32Array, destination: Int32Array, ports: number, sequence: number, hop: number): void {
    const frame = this.#emitted.take(RESET_MAX);
    if (frame === undefined) {
      this.#counters.add(COUNTER['drop-out-of-buffers']);
      return;
    }
    writeReset(frame, source, destination, ports, sequence, 0, RST);
    const link = this.#neighbors.address(frame, hop);
    if (link < 0) {
      this.#emitted.discard(frame);
      return;
    }
    this.#emitted.send(frame, link);
    this.#counters.add(COUNTER['reset-on-expiry']);
  }
}
