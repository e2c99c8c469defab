// `node paced-clients.js HOST PORT COUNT PER-SECOND ADDRESS ...`: makes COUNT connections from the addresses in turn, each a
// GET request and its answer. Prints the endpoints that they came from, and ends with 1 where one has failed.

import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatEndpoint } from '../../../lib/net/address.js';

const [host = '', port = '', count = '', perSecond = '', ...addresses] = process.argv.slice(2);

/** Those that are due are made together, so often. */
const STEP = 10;

async function get(index: number): Promise<string> {
  const localAddress = addresses[index % addresses.length] as string;
  const asking = request({ host, port, localAddress, agent: false }).end();
  const [response] = await once(asking, 'response');
  const { socket } = response;
  const own = formatEndpoint(socket.localAddress ?? '', socket.localPort ?? 0);
  await response.toArray();
  return own;
}

const started = performance.now();
const answers: Promise<string>[] = [];
while (answers.length < Number(count)) {
  const due = Math.min(Number(count), ((performance.now() - started) / 1000) * Number(perSecond));
  while (answers.length < due) answers.push(get(answers.length));
  await sleep(STEP);
}
console.log(JSON.stringify(await Promise.all(answers)));
process.exit();
