import type { RealServer } from '../real-server.js';

/**
 * Whether a destination had better leave its real server: that has more active connections than its weight says, and
 * another has less than half of what its own weight says.
 */
export function shouldSpill(server: RealServer, servers: readonly RealServer[]): boolean {
  if (server.active <= server.weight) return false;
  for (let i = 0; i < servers.length; i++) {
    const other = servers[i]!;
    if (other.active * 2 < other.weight) return true;
  }
  return false;
}
