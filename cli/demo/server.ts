// The demo's server: `node server.js PORT [BALANCER ...]`. It answers each request with the address that it sees its
// client under. With balancers named it uses toakit, and that is the only difference.

import { createServer } from 'node:http';
import { attach } from '../../lib/index.js';
import type { SeenEndpoint } from './rows.js';

const [port, ...balancers] = process.argv.slice(2);

const server = createServer((request, response) => {
  const { remoteAddress = '', remotePort = 0 } = request.socket;
  const seen: SeenEndpoint = { address: remoteAddress, port: remotePort };
  response.end(JSON.stringify(seen));
});
if (balancers.length > 0) attach(server, { trust: balancers });
server.listen(Number(port), '::', () => console.log('listening'));
