import { wrkReport } from '../../support/wrk.js';
import { addresses, cores, type Laboratory, ports } from '../laboratory.js';

const url = `http://${addresses.vip}:${ports.latency}/`;

/**
 * Request latency in microseconds, median and 99th percentile: wrk, one request at a time on one connection. wrk and
 * the responder are kept on different cores: left alone, the scheduler at times puts both on one, and the figure
 * jumps between two values, nine and eighty here, of which only one can occur between two machines.
 */
export async function latency(
  { client }: Laboratory,
  seconds: number,
): Promise<{ p50: number; p99: number }> {
  const wrk = ['wrk', '--latency', '-t', '1', '-c', '1', '-d', String(seconds), url];
  const { p50, p99 } = wrkReport(await client.run('taskset', ['-c', String(cores.client), ...wrk]));
  return { p50, p99 };
}
