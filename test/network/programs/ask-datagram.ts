// `node ask-datagram.js ADDRESS PORT LENGTH`: sends a datagram of noise, again and again as one does over UDP, until an
// answer comes back; prints `same` if it is what was sent, else how long it is.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

const [address = '', port, length] = process.argv.slice(2);
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
const sent = randomBytes(Number(length));
socket.on('message', (answer) => {
  console.log(answer.equals(sent) ? 'same' : `${answer.length} bytes`);
  process.exit();
});
// The kernel tells of a path MTU that it has just learned; the next try goes by it.
socket.on('error', () => {});
const send = () => socket.send(sent, Number(port), address, () => {});
send();
setInterval(send, 250);
