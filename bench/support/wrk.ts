import type { Finished } from '../../cli/namespaces/process.js';

/** What wrk reports: requests per second, and latency percentiles in microseconds. */
export interface WrkReport {
  requestsPerSecond: number;
  p50: number;
  p99: number;
}

const unitsInMicroseconds: Record<string, number> = { us: 1, ms: 1e3, s: 1e6 };

/** Reads what a run of `wrk --latency` left. Throws when it failed, or any request did: then the figure means nothing. */
export function wrkReport({ code, stdout, stderr }: Finished): WrkReport {
  if (code !== 0) throw new Error(`wrk failed: ${stderr}`);
  return parseWrk(stdout.toString());
}

/** Reads wrk's report, in which seconds have a blank behind them. Throws when it is not one, when it counts errors, or when nothing was answered. */
export function parseWrk(report: string): WrkReport {
  const errors = /Socket errors:.*|Non-2xx or 3xx responses:.*/.exec(report)?.[0];
  if (errors !== undefined) throw new Error(`wrk saw errors: ${errors}`);
  const requestsPerSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1]);
  if (!(requestsPerSecond > 0)) throw new Error(`wrk measured nothing: ${report}`);
  return { requestsPerSecond, p50: percentile(report, 50), p99: percentile(report, 99) };
}

function percentile(report: string, percent: number): number {
  const [, value, unit] = new RegExp(`^\\s*${percent}%\\s+([\\d.]+)(us|ms|s) *$`, 'm').exec(report) ?? [];
  const microseconds = Number(value) * (unitsInMicroseconds[unit ?? ''] ?? Number.NaN);
  if (!(microseconds > 0)) throw new Error(`wrk reports no ${percent}% latency: ${report}`);
  return microseconds;
}
