// `node patient-client.js HOST PORT`: asks who it is, and on a line of input once more on the same connection.

import { once } from 'node:events';
import { Agent, get } from 'node:http';

const [host = '', port = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

async function ask(number: number): Promise<number | undefined> {
  const asking = get({ host, port: Number(port), agent });
  const [response] = await once(asking, 'response');
  // Before the answer is read: the agent then takes the socket back.
  const { localPort } = response.socket;
  const answer = Buffer.concat(await response.toArray()).toString();
  console.log(`answer ${number} ${answer}`);
  return localPort;
}

const first = await ask(1);
await once(process.stdin, 'data');
const second = await ask(2);
// Another port would mean another connection.
process.exit(first === second ? 0 : 1);
