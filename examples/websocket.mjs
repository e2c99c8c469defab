// ws: the request of the handshake belongs to the client.
//
//   PORT=8080 node examples/websocket.mjs

import http from 'node:http';
import { attach } from 'toakit';
import { WebSocketServer } from 'ws';

const server = http.createServer();
attach(server, { trust: process.env.BALANCERS ?? 'private' });

new WebSocketServer({ server }).on('connection', (webSocket, request) => {
  webSocket.send(request.socket.remoteAddress);
});

server.listen(process.env.PORT ?? 8080, () => console.log(`listening on ${server.address().port}`));
