import { fileURLToPath } from 'node:url';
import { RunningProcess } from '../../cli/namespaces/process.js';
import { wrkReport } from '../support/wrk.js';

const server = fileURLToPath(new URL('server.js', import.meta.url));

/** Connections per second of a fresh Node http server on loopback, a request in each: wrk, 64 at a time, one thread. */
export async function connectionRate(kind: 'attached' | 'plain', seconds: number): Promise<number> {
  const running = new RunningProcess(process.execPath, [server, kind]);
  try {
    const port = (await running.line(/^listening \d+$/)).split(' ')[1];
    const wrk = async (duration: number) => {
      const load = ['--latency', '-t', '1', '-c', '64', '-d', String(duration), '-H', 'Connection: close'];
      const finished = await new RunningProcess('wrk', [...load, `http://127.0.0.1:${port}/`]).finished();
      return wrkReport(finished).requestsPerSecond;
    };
    await wrk(1); // until the compiler is done with the hot path
    return await wrk(seconds);
  } finally {
    await running.stop();
  }
}
