import type { RealServer } from '../real-server.js';

/**
 * The real server with the least load for its weight among those that may take a connection; of equals the first.
 * Fractions are compared by cross-multiplication, as in the kernel: load1 / weight1 > load2 / weight2.
 */
export function leastLoaded(
  servers: readonly RealServer[],
  load: (server: RealServer) => number,
): RealServer | undefined {
  let least: RealServer | undefined;
  let leastLoad = 0;
  for (let i = 0; i < servers.length; i++) {
    const server = servers[i]!;
    if (!server.eligible) continue;
    const own = load(server);
    if (least === undefined || leastLoad * server.weight > own * least.weight) {
      least = server;
      leastLoad = own;
    }
  }
  return least;
}
