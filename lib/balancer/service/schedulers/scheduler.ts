import type { RealServer } from '../real-server.js';

/** Chooses the real server of a new connection. One for each service; it may keep a cursor or a table of its own. */
export interface Scheduler {
  /** The real server, or undefined when none may take a connection. */
  schedule(servers: readonly RealServer[]): RealServer | undefined;
}
