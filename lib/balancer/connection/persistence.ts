import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import type { Directory } from '../service/directory.js';
import type { RealServer } from '../service/real-server.js';
import type { VirtualService } from '../service/virtual-service.js';
import type { ConnectionTable } from './connection-table.js';
import {
  CLIENT,
  CLIENT_HOP,
  FLAG_ONE_WAY,
  FLAG_TEMPLATE,
  HELD,
  OWNER,
  RECORD_WORDS,
  SERVER_HOP,
  STATE,
  VIP,
} from './record.js';
import { type TimerWheel, ticksOf } from './timer-wheel.js';

const KEY_WORDS = 9;
/** How long a template that still holds connections waits until it looks again (ip_vs_conn_expire() in Linux). */
const AGAIN = ticksOf(60);

/**
 * Which real server a client had before. A template is a record of its own in the connection table, found by the
 * client's masked address and the service, and lives as long as the service says after its last use, and at least as
 * long as a connection that it chose the real server for.
 */
export class Persistence {
  /** Quiesced real servers get no more connections this way either; replaced when the configuration changes. */
  expireQuiescent = false;
  readonly #table: ConnectionTable;
  readonly #wheel: TimerWheel;
  readonly #directory: Directory;
  readonly #counters: Counters;
  readonly #key = new Int32Array(KEY_WORDS);

  constructor(table: ConnectionTable, wheel: TimerWheel, directory: Directory, counters: Counters) {
    this.#table = table;
    this.#wheel = wheel;
    this.#directory = directory;
    this.#counters = counters;
  }

  /** The template of a client's packet, or -1. */
  find(frame: Frame, service: VirtualService): number {
    if (service.persistence === undefined) return -1;
    this.#writeKey(frame, service, service.persistence.mask);
    return this.#table.findTemplate(this.#key);
  }

  /** The real server that a template leads to; undefined where it takes no more connections (ip_vs_check_template()). */
  serverOf(template: number): RealServer | undefined {
    const server = this.#boundServer(template);
    return server.available && !(this.expireQuiescent && server.weight === 0) ? server : undefined;
  }

  /**
   * A connection to `server` was made: its template, a new one where there was none, holds it and leads there next time.
   * @param template what `find` said
   * @returns the template, or -1 where the table has no room for one: the client is then not remembered
   */
  hold(template: number, frame: Frame, service: VirtualService, server: RealServer, tick: number): number {
    const { ticks, mask } = service.persistence!;
    const { words } = this.#table;
    if (template !== -1) {
      const base = template * RECORD_WORDS;
      this.#boundServer(template).persistent--;
      server.persistent++;
      words[base + OWNER] = (service.index << 16) | server.index;
      words[base + HELD]! += 1;
      this.#wheel.touch(template, tick + ticks);
      return template;
    }
    const made = this.#table.allocate();
    if (made === -1) {
      this.#counters.add(COUNTER['persistence-table-full']);
      return -1;
    }
    const base = made * RECORD_WORDS;
    this.#writeKey(frame, service, mask);
    words.set(this.#key, base + CLIENT);
    words[base + STATE] = FLAG_TEMPLATE | FLAG_ONE_WAY;
    words[base + OWNER] = (service.index << 16) | server.index;
    words[base + CLIENT_HOP] = -1;
    words[base + SERVER_HOP] = -1;
    words[base + HELD] = 1;
    this.#table.insert(made);
    this.#wheel.add(made, tick + ticks);
    server.persistent++;
    return made;
  }

  /** A connection that a template holds is over. */
  letGo(template: number): void {
    this.#table.words[template * RECORD_WORDS + HELD]! -= 1;
  }

  /** A template's time has come. */
  onExpiry(template: number, tick: number): void {
    if (this.#table.words[template * RECORD_WORDS + HELD]! > 0) {
      this.#wheel.add(template, tick + AGAIN);
      return;
    }
    this.#boundServer(template).persistent--;
    this.#table.remove(template);
    this.#table.release(template);
  }

  #boundServer(template: number): RealServer {
    return this.#directory.servers[this.#table.words[template * RECORD_WORDS + OWNER]! & 0xffff]!;
  }

  /** The key words: the client's address masked, the service in place of the VIP, no ports. */
  #writeKey(frame: Frame, service: VirtualService, mask: Int32Array): void {
    const key = this.#key;
    key[0] = frame.source0 & mask[0]!;
    key[1] = frame.source1 & mask[1]!;
    key[2] = frame.source2 & mask[2]!;
    key[3] = frame.source3 & mask[3]!;
    key[VIP + 3] = service.index;
  }
}
