// Knows nothing of toakit: prints its port, then the client of each connection.
import net, { type AddressInfo } from 'node:net';

const server = net.createServer((socket) => console.log(`${socket.remoteAddress}:${socket.remotePort}`));
server.listen(0, '0.0.0.0', () => console.log((server.address() as AddressInfo).port));
