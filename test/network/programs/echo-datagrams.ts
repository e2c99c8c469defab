// `node echo-datagrams.js PORT`: sends every datagram back to where it came from, over IPv4 and IPv6.

import { createSocket } from 'node:dgram';

const port = Number(process.argv[2]);
for (const type of ['udp4', 'udp6'] as const) {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  socket.bind(port, () => console.log(`listening ${type}`));
}
