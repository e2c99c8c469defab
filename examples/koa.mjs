// Koa: ctx.ip is the client.
//
//   PORT=8080 node examples/koa.mjs

import http from 'node:http';
import Koa from 'koa';
import { attach } from 'toakit';

const app = new Koa();
app.use((context) => {
  context.body = `${context.ip}\n`;
});

const server = http.createServer(app.callback());
attach(server, { trust: process.env.BALANCERS ?? 'private' });

server.listen(process.env.PORT ?? 8080, () => console.log(`listening on ${server.address().port}`));
