import { wrkReport } from '../../support/wrk.js';
import { addresses, type Laboratory, ports } from '../laboratory.js';

const url = `http://${addresses.vip}:${ports.http}/`;

/**
 * New connections per second: wrk, 64 at a time, one request in each. One thread, so that the client has one core at
 * most, as it has for small packets: two of them take both cores, and the balancer gets what they leave.
 */
export async function connectionsPerSecond({ client }: Laboratory, seconds: number): Promise<number> {
  const args = ['--latency', '-t', '1', '-c', '64', '-d', String(seconds), '-H', 'Connection: close', url];
  return wrkReport(await client.run('wrk', args)).requestsPerSecond;
}
