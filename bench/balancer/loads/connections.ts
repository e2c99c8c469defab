import { wrkReport } from '../../support/wrk.js';
import { addresses, type Laboratory, ports } from '../laboratory.js';

const url = `http://${addresses.vip}:${ports.http}/`;

/**
 * New connections per second: wrk, 64 at a time, one request in each. Two threads, its own default; on a machine of two
 * cores they compete for both with the server, and with a balancer in user space.
 */
export async function connectionsPerSecond({ client }: Laboratory, seconds: number): Promise<number> {
  const args = ['--latency', '-t', '2', '-c', '64', '-d', String(seconds), '-H', 'Connection: close', url];
  return wrkReport(await client.run('wrk', args)).requestsPerSecond;
}
