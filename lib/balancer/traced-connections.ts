import { PROTOCOL_UDP } from '../net/ipv4.js';
import type { Balancer } from './balancer.js';
import {
  CLIENT,
  CLIENT_PORTS,
  EXPIRES,
  FLAG_UDP,
  LOCAL,
  OWNER,
  RECORD_WORDS,
  SERVER,
  SERVER_PORTS,
  STATE,
  STATE_MASK,
  swapPorts,
} from './connection/record.js';
import { STATES, type State } from './connection/state.js';
import type { CounterName } from './counters.js';
import type { Frame } from './frame.js';
import { copyAddresses } from './packet-addresses.js';
import { endsText } from './packet-text.js';
import { PARSED, parse } from './parse.js';
import { windowOn } from './traced-client.js';

/** A connection's state, and the name of its real server. */
export interface TracedState {
  readonly state: State;
  readonly realServer: string;
}

interface Followed {
  /** The client's and the VIP's words of the record. */
  readonly key: Int32Array;
  /** Addresses and ports as they stand in packets to the real server, and FLAG_UDP or 0. */
  readonly toServer: Int32Array;
  readonly state: TracedState;
}

/** The traced client's connections of which a packet has passed: nothing passes when one ends by itself. */
export class TracedConnections {
  readonly #balancer: Balancer;
  readonly #followed = new Map<number, Followed>();
  readonly #ends = new Int32Array(10);

  constructor(balancer: Balancer) {
    this.#balancer = balancer;
  }

  /** A packet of a connection has passed. */
  note(connection: number): TracedState {
    const { connections, realServers } = this.#balancer;
    const base = connection * RECORD_WORDS;
    const realServer = realServers[connections.words[base + OWNER]! & 0xffff]!.name;
    const state = { state: STATES[connections.words[base + STATE]! & STATE_MASK]!, realServer };
    this.#followed.set(connection, {
      key: this.#keyOf(connection),
      toServer: this.#toServerOf(connection),
      state,
    });
    return state;
  }

  /** What becomes of a connection is told already. */
  forget(connection: number): void {
    this.#followed.delete(connection);
  }

  /** Whether a frame that leaves is to a real server about one that was noted, which may have ended with it. */
  isToServer(frame: Frame): boolean {
    const packet = windowOn(frame);
    if (parse(packet) !== PARSED) return false;
    copyAddresses(packet, this.#ends);
    this.#ends[8] = packet.ports;
    this.#ends[9] = packet.protocol === PROTOCOL_UDP ? FLAG_UDP : 0;
    const isOf = ({ toServer }: Followed) => toServer.every((word, i) => word === this.#ends[i]);
    return [...this.#followed.values()].some(isOf);
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

  #toServerOf(connection: number): Int32Array {
    const base = connection * RECORD_WORDS;
    const { words } = this.#balancer.connections;
    const local = words.subarray(base + LOCAL, base + LOCAL + 4);
    const server = words.subarray(base + SERVER, base + SERVER + 4);
    const ports = swapPorts(words[base + SERVER_PORTS]!);
    return Int32Array.of(...local, ...server, ports, words[base + STATE]! & FLAG_UDP);
  }
}
