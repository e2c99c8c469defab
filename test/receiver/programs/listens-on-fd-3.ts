import net from 'node:net';
import { attach } from '../../../lib/index.js';
import { balancers } from '../support.js';

const server = net.createServer((socket) => console.log(socket.remoteAddress));
attach(server, { trust: balancers });
server.listen({ fd: 3 }, () => console.log('listening'));
