// `node forging-client.js OWN SERVER CLAIMED DEVICE MAC PEER-MAC`, the first three as address:port: a client at OWN that writes a TOA
// option with the address CLAIMED into its SYN and its ACKs. Prints the server's answer to GET /.

import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { parseHostPort } from '../../support/injected-connection.js';
import { Injector } from '../../support/injector.js';
import { tcpOption } from '../../support/tcp-segment.js';

const [from = '', to = '', claimed = '', device = '', mac = '', peerMac = ''] = process.argv.slice(2);

// The wire does not keep the program alive by itself.
setInterval(() => {}, 1000);

const option = tcpOption.toa(parseHostPort(claimed));
const connection = new Injector({ device, mac, peerMac }).connect(to, { from, syn: option, ack: option });
await once(connection, 'connect');

// node:http takes any stream, and says socket for what it calls on it.
const asking = request({ createConnection: () => connection as unknown as Socket });
asking.end();
const [response] = await once(asking, 'response');
console.log(Buffer.concat(await response.toArray()).toString());
process.exit();
