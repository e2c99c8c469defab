// Prints as JSON what support() says, what is told of a connection from 127.0.0.1, and what `required` throws.
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { attach, getClientAddress, support, ToaError } from '../../../lib/index.js';

const server = net.createServer();
const attachment = attach(server, { trust: 'private' });
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
const [socket] = (await once(server, 'connection')) as [Socket];
const told = getClientAddress(socket)?.address;
console.log(JSON.stringify({ support: support(), told, stats: attachment.stats(), required: tryRequired() }));
client.destroy();
socket.destroy();
server.close();
attachment[Symbol.dispose]();

function tryRequired(): string {
  try {
    attach(net.createServer(), { trust: 'private', required: true }).detach();
    return 'nothing';
  } catch (error) {
    return error instanceof ToaError ? error.code : String(error);
  }
}
