import type { Server } from 'node:net';
import { type AttachOptions, attach } from './index.js';

/** What is used of a Fastify instance; so there is no dependency on Fastify, and its types fit. */
export interface FastifyLike {
  readonly server: Server;
  addHook(name: 'onListen', hook: () => Promise<void>): unknown;
}

/**
 * `await app.register(toakit, { trust: '10.0.0.0/8' })` attaches toakit to the server of a Fastify instance, and to the further
 * ones that Fastify opens by itself: `listen({ host: 'localhost' })` makes one for each address of that name.
 * `request.ip` then shows the client, and `getClientAddress(request)` tells all that is known. Throws what {@link attach} throws.
 */
async function toakit(fastify: FastifyLike, options: AttachOptions): Promise<void> {
  attach(fastify.server, options);
  fastify.addHook('onListen', async () => {
    for (const server of serversOf(fastify)) attach(server, options);
  });
}

export default Object.assign(toakit, {
  // Fastify's own names: the plugin is for the whole application, not for a context of its own.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'toakit',
});

/** The servers that listen. Fastify tells their addresses only, so they are taken from where it keeps them. */
function serversOf(fastify: FastifyLike): readonly Server[] {
  const bindings = Object.getOwnPropertySymbols(fastify).find(
    ({ description }) => description === 'fastify.serverBindings',
  );
  return bindings ? (fastify as unknown as Record<symbol, readonly Server[]>)[bindings]! : [];
}
