import { addresses, type Laboratory, ports } from '../laboratory.js';

/** From the client to the server, and the other way round. */
export type Direction = 'upload' | 'download';

/** Gbit/s of payload that arrive: iperf3, a single stream, offloads on. */
export async function gbitPerSecond(
  laboratory: Laboratory,
  seconds: number,
  direction: Direction = 'upload',
): Promise<number> {
  const args = [
    '--json',
    '--client',
    addresses.vip,
    '--port',
    String(ports.iperf),
    '--time',
    String(seconds),
    ...(direction === 'download' ? ['--reverse'] : []),
  ];
  const { stdout } = await laboratory.client.run('iperf3', args);
  const report = JSON.parse(stdout.toString()) as {
    error?: string;
    end?: { sum_received?: { bits_per_second?: number } };
  };
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  const gbit = (report.end?.sum_received?.bits_per_second ?? 0) / 1e9;
  if (!(gbit > 0)) throw new Error('iperf3 measured nothing');
  return gbit;
}
