import type { Profile } from '../../config/model.js';
import type { Frame } from '../../frame.js';
import type { RealServer } from '../real-server.js';

/** What a scheduler may know of the balancer that it works in. */
export interface SchedulerOptions {
  /** Which generation of hash and overhead formulas, and where a new real server stands in the list. */
  readonly profile: Profile;
  /** `sh-port`, `mh-port`: the client's port counts too. */
  readonly withPort: boolean;
  /** `sh-fallback`, `mh-fallback`: look further where the chosen server may take nothing. */
  readonly fallback: boolean;
  /** The next of a stream of uniform uint32 (for `twos`). */
  readonly random: () => number;
}

/** Chooses the real server of a new connection. One for each service; it may keep a cursor or a table of its own. */
export interface Scheduler {
  /**
   * The list is new, or a weight in it has changed. Called before the first `schedule`, and then on every change.
   * @param servers in the order of the list; kept, and looked at by `schedule`
   */
  update(servers: readonly RealServer[]): void;
  /**
   * The real server for a client's packet, or undefined when none may take a connection. Allocates nothing.
   * @param frame parsed; source and destination words, ports and protocol count
   * @param now milliseconds
   */
  schedule(frame: Frame, now: number): RealServer | undefined;
}
