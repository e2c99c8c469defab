// `node busy-clients.js HOST PORT CLIENTS PAUSE PATIENCE SECONDS`: so many clients, each of which connects, asks, reads the answer
// and pauses (ms), again and again until the time is over; none leaves its last connection unfinished. A connection may take as
// long as PATIENCE (ms). Prints { completed, failures, p50, p99, slowest }, in ms from connect() to the last byte; the first
// connection of each is not timed, as Node is only warming up.

import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [host = '', port = '', clients = '', pause = '', patience = '', seconds = ''] = process.argv.slice(2);

const times: number[] = [];
const failures: string[] = [];
let completed = 0;

/** Returns how long it took, or undefined where it has failed. */
async function connection(): Promise<number | undefined> {
  const started = performance.now();
  try {
    const signal = AbortSignal.timeout(Number(patience));
    const asking = request({ host, port, agent: false, signal }).end();
    const [response] = await once(asking, 'response');
    await response.toArray();
    completed++;
    return performance.now() - started;
  } catch (error) {
    failures.push(String(error));
    return undefined;
  }
}

async function client(index: number): Promise<void> {
  // Not all at once, also in the beginning.
  await sleep((Number(pause) * index) / Number(clients));
  await connection();
  const end = performance.now() + Number(seconds) * 1000;
  while (performance.now() < end) {
    const time = await connection();
    if (time !== undefined) times.push(time);
    await sleep(Number(pause));
  }
}

/** The time that so many percent do not exceed. */
const percentile = (percent: number) => times[Math.ceil((times.length * percent) / 100) - 1] ?? Number.NaN;

await Promise.all(Array.from({ length: Number(clients) }, (_, index) => client(index)));
times.sort((a, b) => a - b);
console.log(
  JSON.stringify({ completed, failures, p50: percentile(50), p99: percentile(99), slowest: percentile(100) }),
);
process.exit();
