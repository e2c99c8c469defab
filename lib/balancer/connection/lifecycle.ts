import { ACK, FIN, RST, SYN } from '../../net/tcp.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import type { Neighbors } from '../neighbors.js';
import type { Directory } from '../service/directory.js';
import type { VirtualService } from '../service/virtual-service.js';
import type { KeptSegments } from '../syn-proxy/kept-segments.js';
import type { ServerSyns } from '../syn-proxy/server-syns.js';
import type { ConnectionTable } from './connection-table.js';
import type { ExpiryResets } from './expiry-resets.js';
import type { Persistence } from './persistence.js';
import {
  CLIENT_HOP,
  EXPIRES,
  FLAG_ONE_WAY,
  FLAG_SERVER_SEEN,
  FLAG_SYN_PENDING,
  FLAG_SYN_PROXY,
  FLAG_TEMPLATE,
  FLAG_UDP,
  OWNER,
  PACKETS_MAX,
  PACKETS_SHIFT,
  RECORD_WORDS,
  SERVER_HOP,
  STATE,
  STATE_MASK,
  TEMPLATE,
} from './record.js';
import type { SequenceShift } from './sequence-shift.js';
import {
  FROM_CLIENT,
  FROM_SERVER,
  nextTcpState,
  ONE_WAY,
  STATE_CLOSE,
  STATE_ESTABLISHED,
  STATE_SYN_RECEIVED,
  STATE_SYN_SENT,
  STATE_TIME_WAIT,
  STATE_UDP,
} from './state.js';
import { LATER, NONE, type TimerWheel } from './timer-wheel.js';

/** Whether a segment asks for a connection: SYN without ACK, RST or FIN. */
export function isOpening(flags: number): boolean {
  return (flags & (SYN | ACK | RST | FIN)) === SYN;
}

/** The states and the end of connections. */
export class Lifecycle {
  /** Whether both ends of an established connection that expires are told; replaced when the configuration changes. */
  resetOnExpiry = true;
  /** Whether a SYN leaves a real server that was quiesced; replaced likewise. */
  expireWithoutServer = false;
  readonly #table: ConnectionTable;
  readonly #wheel: TimerWheel;
  readonly #neighbors: Neighbors;
  readonly #directory: Directory;
  readonly #persistence: Persistence;
  readonly #shift: SequenceShift;
  readonly #resets: ExpiryResets;
  readonly #serverSyns: ServerSyns;
  readonly #keptSegments: KeptSegments;
  readonly #counters: Counters;
  /** By state. */
  readonly #active: Uint8Array;

  constructor(parts: {
    table: ConnectionTable;
    wheel: TimerWheel;
    neighbors: Neighbors;
    directory: Directory;
    persistence: Persistence;
    shift: SequenceShift;
    resets: ExpiryResets;
    serverSyns: ServerSyns;
    keptSegments: KeptSegments;
    counters: Counters;
    activeStates: Uint8Array;
  }) {
    this.#table = parts.table;
    this.#wheel = parts.wheel;
    this.#neighbors = parts.neighbors;
    this.#directory = parts.directory;
    this.#persistence = parts.persistence;
    this.#shift = parts.shift;
    this.#resets = parts.resets;
    this.#serverSyns = parts.serverSyns;
    this.#keptSegments = parts.keptSegments;
    this.#counters = parts.counters;
    this.#active = parts.activeStates;
  }

  /** Enters a client's packet: the next state, the timer. @param now milliseconds @param tick the same in ticks */
  onClientPacket(connection: number, service: VirtualService, frame: Frame, now: number, tick: number): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const before = words[base + STATE]!;
    const counted = before >>> PACKETS_SHIFT < PACKETS_MAX ? before + (1 << PACKETS_SHIFT) : before;
    const sender = (before & FLAG_ONE_WAY) === 0 ? FROM_CLIENT : ONE_WAY;
    const state = this.#enter(base, counted, frame, sender);
    this.#wheel.touch(connection, tick + service.timeouts[state]!);
    if (!isOpening(frame.tcpFlags)) return;
    const isWaiting = state === STATE_SYN_RECEIVED || state === STATE_SYN_SENT;
    if (service.toa.shared && isWaiting) {
      this.#shift.onClientSyn(base, frame, before & STATE_MASK, service.sendsProxyHeader, now);
    } else this.#shift.onLaterSyn(base, frame);
  }

  /** The same for a real server's packet. */
  onServerPacket(connection: number, service: VirtualService, frame: Frame, tick: number): void {
    const base = connection * RECORD_WORDS;
    const before = this.#table.words[base + STATE]!;
    const state = this.#enter(base, before, frame, FROM_SERVER);
    this.#wheel.touch(connection, tick + service.timeouts[state]!);
    if ((frame.tcpFlags & SYN) === 0) return;
    this.#shift.onServerSyn(base, frame, before & STATE_MASK, service.sendsProxyHeader);
  }

  /** Whether a real server's SYN-ACK begins another connection (see SequenceShift). */
  answersLaterSyn(connection: number, frame: Frame): boolean {
    return this.#shift.answersLaterSyn(connection * RECORD_WORDS, frame);
  }

  /**
   * Puts a connection into a state that no packet's flags tell.
   * @param tick the time @param lifetime in ticks; default: the state's
   */
  settle(connection: number, state: number, tick: number, lifetime?: number): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const { timeouts } = this.#directory.services[words[base + OWNER]! >>> 16]!;
    const before = words[base + STATE]!;
    const old = before & STATE_MASK;
    words[base + STATE] = (before & ~STATE_MASK) | state;
    if (state !== old) this.#onChange(words[base + OWNER]!, old, state);
    this.#wheel.touch(connection, tick + (lifetime ?? timeouts[state]!));
  }

  #enter(base: number, before: number, frame: Frame, sender: number): number {
    const { words } = this.#table;
    const old = before & STATE_MASK;
    const state = (before & FLAG_UDP) !== 0 ? STATE_UDP : nextTcpState(old, frame.tcpFlags, sender);
    words[base + STATE] = (before & ~STATE_MASK) | state;
    if (state !== old) this.#onChange(words[base + OWNER]!, old, state);
    return state;
  }

  /** A connection of a service and real server goes from one state to another. */
  #onChange(owner: number, old: number, state: number): void {
    const { synProtection } = this.#directory.services[owner >>> 16]!;
    if (state === STATE_SYN_RECEIVED) synProtection.halfOpen++;
    else if (old === STATE_SYN_RECEIVED) synProtection.halfOpen--;
    if (this.#active[state] !== this.#active[old]) {
      const server = this.#directory.servers[owner & 0xffff]!;
      if (this.#active[state] === 1) server.activated();
      else server.deactivated();
    }
  }

  /**
   * Whether a client's SYN on a known connection begins another one, for which a real server is to be chosen anew
   * (conn_reuse_mode 1 of Linux's IPVS; in FIN_WAIT answers may still come, which a late SYN must not cut off). In
   * TIME_WAIT, where a FIN leads that overtook the handshake ACK, too, the connection's own SYN that comes late or again
   * is none: no client that is done with its numbers begins with the same (RFC 6191 2); Linux has no look at them.
   * FULLNAT keeps the real server, as Alibaba's LVS does, except where the SYN is answered with a cookie.
   *
   * With expireWithoutServer (expire_nodest_conn) a SYN leaves a real server of weight 0 whatever the state is; the
   * connection's own one if it still waits for an answer. One that is answered with a cookie may be anybody's, and ends
   * nothing that goes on.
   */
  isRenewal(connection: number, frame: Frame): boolean {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    if (!isOpening(frame.tcpFlags) || words[base + TEMPLATE] !== 0) return false;
    const state = words[base + STATE]! & STATE_MASK;
    const owner = words[base + OWNER]!;
    const { toa, synProtection } = this.#directory.services[owner >>> 16]!;
    const isLeft = this.expireWithoutServer && this.#directory.servers[owner & 0xffff]!.weight === 0;
    if ((toa.shared || isLeft) && synProtection.takesSyn(this.#counters))
      return synProtection.mayReuse(state);
    const isOwn = frame.sequence === this.#shift.clientInitial(base);
    if (isLeft) return !isOwn || state === STATE_CLOSE || state === STATE_SYN_RECEIVED;
    if (toa.shared) return false;
    return state === STATE_CLOSE || (state === STATE_TIME_WAIT && !isOwn);
  }

  /** Looks at the next connection whose time may be over, and ends it if so; false when there is none. May emit two resets. */
  expireNext(tick: number): boolean {
    const connection = this.#wheel.expired(tick);
    if (connection === NONE) return false;
    if (connection === LATER) return true;
    const word = this.#table.words[connection * RECORD_WORDS + STATE]!;
    if ((word & FLAG_TEMPLATE) !== 0) {
      this.#persistence.onExpiry(connection, tick);
      return true;
    }
    if ((word & FLAG_SYN_PENDING) !== 0 && this.#serverSyns.resend(connection, tick)) return true;
    this.#counters.add(COUNTER['connections-expired']);
    this.#end(connection);
    return true;
  }

  /** Ends a connection before its time. May emit two resets. */
  end(connection: number): void {
    this.#wheel.remove(connection);
    this.#end(connection);
  }

  /** Takes a connection out of the table, so that another can have its place. To be followed by `forget`. */
  withdraw(connection: number): void {
    this.#wheel.remove(connection);
    this.#table.remove(connection);
  }

  /** Gives back what a connection that was withdrawn has: its share in its real server's load, its ways, its record. */
  forget(connection: number): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const word = words[base + STATE]!;
    const state = word & STATE_MASK;
    if ((word & FLAG_SYN_PROXY) !== 0) this.#keptSegments.forget(base);
    const service = this.#directory.services[words[base + OWNER]! >>> 16]!;
    const server = this.#directory.servers[words[base + OWNER]! & 0xffff]!;
    if (service.mode === 'fullnat') service.localAddresses.release(words, base, server);
    server.unbound(this.#active[state] === 1);
    if (state === STATE_SYN_RECEIVED) service.synProtection.halfOpen--;
    if (words[base + TEMPLATE] !== 0) this.#persistence.letGo(words[base + TEMPLATE]! - 1);
    if (words[base + CLIENT_HOP] !== -1) this.#neighbors.release(words[base + CLIENT_HOP]!);
    this.#neighbors.release(words[base + SERVER_HOP]!);
    this.#table.release(connection);
  }

  /** When the connection's last packet came, in ticks. */
  lastPacket(connection: number): number {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const service = this.#directory.services[words[base + OWNER]! >>> 16]!;
    return words[base + EXPIRES]! - service.timeouts[words[base + STATE]! & STATE_MASK]!;
  }

  /** Ends a connection whose timer is stopped. */
  #end(connection: number): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const word = words[base + STATE]!;
    const state = word & STATE_MASK;
    const isOpen = state === STATE_ESTABLISHED && (word & FLAG_SERVER_SEEN) !== 0;
    // A client that shook hands with us waits for an answer; it gets this one.
    const isRefused = state === STATE_SYN_SENT && (word & FLAG_SYN_PENDING) !== 0;
    if (isRefused || (this.resetOnExpiry && isOpen)) this.#resets.send(words, base);
    this.#table.remove(connection);
    this.forget(connection);
  }
}
