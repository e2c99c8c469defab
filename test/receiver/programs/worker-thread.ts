import net, { type AddressInfo } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { attach, getClientAddress } from '../../../lib/index.js';
import { SERVER } from '../../support/private-network.js';
import { balancers } from '../support.js';

const server = net.createServer((socket) => {
  parentPort?.postMessage({ told: getClientAddress(socket)?.address, shown: socket.remoteAddress });
});
attach(server, { trust: balancers });
server.listen(0, SERVER.ipv4, () => parentPort?.postMessage((server.address() as AddressInfo).port));
