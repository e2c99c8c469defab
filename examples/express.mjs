// Express: req.ip is the client. No middleware, and no `trust proxy`, which is for the header X-Forwarded-For.
//
//   PORT=8080 node examples/express.mjs

import http from 'node:http';
import express from 'express';
import { attach } from 'toakit';

const app = express();
app.get('/', (request, response) => response.send(`${request.ip}\n`));

const server = http.createServer(app);
attach(server, { trust: process.env.BALANCERS ?? 'private' });

server.listen(process.env.PORT ?? 8080, () => console.log(`listening on ${server.address().port}`));
