// The demo's client where there is no curl: `node client.js LOCAL-ADDRESS URL`. Prints what curl is asked to print.

import { get } from 'node:http';

const [localAddress = '', url = ''] = process.argv.slice(2);

get(url, { localAddress }, (response) => {
  const { localPort } = response.socket;
  response.on('data', (chunk: Buffer) => process.stdout.write(chunk));
  response.on('end', () => console.log(`\n${localPort}`));
});
