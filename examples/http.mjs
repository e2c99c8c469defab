// A server of node:http. Two lines are toakit's: the import and attach().
//
//   PORT=8080 node examples/http.mjs

import http from 'node:http';
import { attach, getClientAddress } from 'toakit';

const server = http.createServer((request, response) => {
  const { source } = getClientAddress(request) ?? {};
  const { remoteAddress, remotePort } = request.socket;
  response.end(
    `${remoteAddress} port ${remotePort}, as the ${source === 'toa' ? 'balancer' : 'connection'} says\n`,
  );
});

// Whom to believe: the balancers' local addresses. Anybody else who writes the option is ignored.
attach(server, { trust: process.env.BALANCERS ?? 'private' });

server.listen(process.env.PORT ?? 8080, () => console.log(`listening on ${server.address().port}`));
