import { COUNTER, type Counters } from '../counters.js';
import type { ConnectionTable } from './connection-table.js';
import type { Lifecycle } from './lifecycle.js';
import { FLAG_TEMPLATE, FLAG_UDP, PACKETS_SHIFT, RECORD_WORDS, STATE, STATE_MASK } from './record.js';
import { STATE_ESTABLISHED, STATE_SYN_ACK, STATE_SYN_RECEIVED } from './state.js';
import { ticksOf } from './timer-wheel.js';

/** The part of the table that is looked at in a second. */
const PART = 32;
/** An established connection that said nothing for so long, */
const IDLE = ticksOf(60);
/** and not more than so many packets before, may be an attacker's. */
const FEW_PACKETS = 8;
/** `auto`: the table is so full that newcomers will soon be refused. */
const PRESSURE = 7 / 8;

/**
 * Drops connections that look like an attack's before the table is full of them (drop_entry; ip_vs_random_dropentry()
 * in Linux): half-open ones, and of established ones that are idle after n packets, 1 to 8, every n-th.
 */
export class Defence {
  /** Replaced when the configuration changes. */
  mode: 'never' | 'auto' | 'always' = 'auto';
  readonly #table: ConnectionTable;
  readonly #lifecycle: Lifecycle;
  readonly #counters: Counters;
  #cursor = 0;
  /** For each number of packets, the idle connections with so many that were let go since the last drop. */
  readonly #spared = new Uint8Array(FEW_PACKETS + 1);

  constructor(table: ConnectionTable, lifecycle: Lifecycle, counters: Counters) {
    this.#table = table;
    this.#lifecycle = lifecycle;
    this.#counters = counters;
  }

  /** To be called once a second. May emit two resets for each connection that it ends: it ends at most `most`. */
  advance(tick: number, most: number): void {
    const { count, capacity, used } = this.#table;
    if (this.mode === 'never' || (this.mode === 'auto' && count < capacity * PRESSURE)) return;
    const part = Math.ceil(used / PART);
    for (let looked = 0, ended = 0; looked < part && ended < most; looked++) {
      if (this.#cursor >= used) this.#cursor = 0;
      const connection = this.#cursor++;
      if (!this.#isSuspect(connection, tick)) continue;
      this.#lifecycle.end(connection);
      this.#counters.add(COUNTER['connections-dropped']);
      ended++;
    }
  }

  #isSuspect(connection: number, tick: number): boolean {
    const word = this.#table.words[connection * RECORD_WORDS + STATE]!;
    if (word === 0 || (word & (FLAG_TEMPLATE | FLAG_UDP)) !== 0) return false;
    const state = word & STATE_MASK;
    if (state === STATE_SYN_RECEIVED || state === STATE_SYN_ACK) return true;
    if (state !== STATE_ESTABLISHED || tick - this.#lifecycle.lastPacket(connection) < IDLE) return false;
    const packets = word >>> PACKETS_SHIFT;
    if (packets === 0 || packets > FEW_PACKETS) return false;
    this.#spared[packets]! += 1;
    if (this.#spared[packets]! < packets) return false;
    this.#spared[packets] = 0;
    return true;
  }
}
