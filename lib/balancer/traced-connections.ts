import type { Balancer } from './balancer.js';
import {
  CLIENT,
  CLIENT_PORTS,
  EXPIRES,
  OWNER,
  RECORD_WORDS,
  STATE,
  STATE_MASK,
} from './connection/record.js';
import { STATES, type State } from './connection/state.js';
import type { CounterName } from './counters.js';
import { endsText } from './packet-text.js';

/** A connection's state, and the name of its real server. */
export interface TracedState {
  readonly state: State;
  readonly realServer: string;
}

interface Followed {
  /** The client's and the VIP's words of the record. */
  readonly key: Int32Array;
  readonly state: TracedState;
}

/** The traced client's connections of which a packet has passed: nothing passes when one ends by itself. */
export class TracedConnections {
  readonly #balancer: Balancer;
  readonly #followed = new Map<number, Followed>();

  constructor(balancer: Balancer) {
    this.#balancer = balancer;
  }

  /** A packet of a connection has passed. */
  note(connection: number): TracedState {
    const { connections, realServers } = this.#balancer;
    const base = connection * RECORD_WORDS;
    const realServer = realServers[connections.words[base + OWNER]! & 0xffff]!.name;
    const state = { state: STATES[connections.words[base + STATE]! & STATE_MASK]!, realServer };
    this.#followed.set(connection, { key: this.#keyOf(connection), state });
    return state;
  }

  /** What becomes of a connection is told already. */
  forget(connection: number): void {
    this.#followed.delete(connection);
  }

  /** Those that have ended by `tick` since they were noted, as they were last; they are forgotten. */
  takeEnded(tick: number): { ends: string; state: TracedState; reason: CounterName }[] {
    const { words } = this.#balancer.connections;
    const ended = [...this.#followed].filter(([connection, { key }]) => !this.#lives(connection, key));
    return ended.map(([connection, { key, state }]) => {
      this.#followed.delete(connection);
      // The record of one that has just ended says still until when it would have been.
      const isDue = words[connection * RECORD_WORDS + EXPIRES]! <= tick;
      return { ends: endsText(key), state, reason: isDue ? 'connections-expired' : 'connections-dropped' };
    });
  }

  #lives(connection: number, key: Int32Array): boolean {
    const { words } = this.#balancer.connections;
    const base = connection * RECORD_WORDS;
    return words[base + STATE] !== 0 && key.every((word, i) => word === words[base + CLIENT + i]);
  }

  #keyOf(connection: number): Int32Array {
    const base = connection * RECORD_WORDS;
    return this.#balancer.connections.words.slice(base + CLIENT, base + CLIENT_PORTS + 1);
  }
}
