// Fastify: request.ip is the client. The plugin also attaches to the second server that Fastify opens on `localhost`.
//
//   PORT=8080 HOST=0.0.0.0 node examples/fastify.mjs

import Fastify from 'fastify';
import toakit from 'toakit/fastify';

const app = Fastify();
await app.register(toakit, { trust: process.env.BALANCERS ?? 'private' });

app.get('/', (request) => `${request.ip}\n`);

await app.listen({ port: Number(process.env.PORT ?? 8080), host: process.env.HOST ?? 'localhost' });
console.log(`listening on ${app.server.address().port}`);
