// A server that knows nothing of toakit, as most do:
//
//   TOA_TRUST=private PORT=8080 node --import toakit/register examples/register.mjs

import http from 'node:http';

const server = http.createServer((request, response) => response.end(`${request.socket.remoteAddress}\n`));

server.listen(process.env.PORT ?? 8080, () => console.log(`listening on ${server.address().port}`));
