// Two workers: `cluster.js rr|none`. Prints the port when both listen, then the client of each connection. `cluster.js early`:
// prints it as soon as the primary listens, which is then deaf to what its workers say for a second.
import cluster from 'node:cluster';
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import net from 'node:net';
import { attach } from '../../../lib/index.js';
import { SERVER } from '../../support/private-network.js';
import { balancers } from '../support.js';

if (cluster.isPrimary) {
  cluster.schedulingPolicy = process.argv[2] === 'none' ? cluster.SCHED_NONE : cluster.SCHED_RR;
  const early = process.argv[2] === 'early';
  if (early) {
    subscribe('tracing:net.server.listen:asyncEnd', (message) => {
      const { port } = (message as { server: net.Server }).server.address() as net.AddressInfo;
      writeSync(1, `${port}\n`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    });
  }
  let listening = 0;
  cluster.on('listening', (_worker, { port }) => {
    listening += 1;
    if (listening === 2 && !early) console.log(port);
  });
  cluster.on('message', (worker, address) => console.log(`${worker.id} ${address}`));
  cluster.fork();
  cluster.fork();
  process.on('SIGTERM', () => process.exit()); // in order, so that coverage is written
} else {
  const server = net.createServer((socket) => process.send?.(`${socket.remoteAddress}`));
  attach(server, { trust: balancers });
  server.listen({ port: 0, host: SERVER.ipv4 });
}
