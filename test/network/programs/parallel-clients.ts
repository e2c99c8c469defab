// `node parallel-clients.js HOST PORT COUNT ADDRESS ...`: opens COUNT connections from the addresses in turn, holds them
// all open at once, then asks on each who the server thinks it is. Prints { open, matching, mismatches }.

import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Answer, endpoint } from '../testbed.js';

const [host = '', port = '', count = '', ...addresses] = process.argv.slice(2);

const sockets = await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    const localAddress = addresses[index % addresses.length] as string;
    const socket = connect({ host, port: Number(port), localAddress });
    await once(socket, 'connect');
    return socket;
  }),
);

async function ask(socket: Socket): Promise<string | undefined> {
  const own = endpoint(socket.localAddress ?? '', socket.localPort ?? 0);
  const asking = request({ host, createConnection: () => socket });
  asking.end();
  const [response] = await once(asking, 'response');
  const { client, shown } = JSON.parse(Buffer.concat(await response.toArray()).toString()) as Answer;
  return client === own && shown === own ? undefined : `${own} is taken for ${client}, shown as ${shown}`;
}

const mismatches = (await Promise.all(sockets.map(ask))).filter((each) => each !== undefined);
console.log(
  JSON.stringify({ open: sockets.length, matching: sockets.length - mismatches.length, mismatches }),
);
process.exit();
