import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';

/** GETs over a stream that is open, and gives the body; the connection is closed behind it. */
export async function httpGet(connection: Duplex, path = '/'): Promise<string> {
  const request = http.request({ createConnection: () => connection, path, host: 'server.test' });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return text(response);
}
