import { addresses, type Laboratory, ports } from '../laboratory.js';

/** Gbit/s of payload that arrive at the server: iperf3, a single stream from the client, offloads on. */
export async function gbitPerSecond(laboratory: Laboratory, seconds: number): Promise<number> {
  const args = [
    '--json',
    '--client',
    addresses.vip,
    '--port',
    String(ports.iperf),
    '--time',
    String(seconds),
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
