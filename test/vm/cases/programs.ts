/** Programs that know nothing of the module: what they say of their clients. (The witness of the other cases is Python.) */
import { deepStrictEqual, match } from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Case, freshPort, type Guest, until } from '../guest/guest.js';
import { nginxConfiguration } from '../guest/nginx.js';
import { compiled } from '../guest/programs.js';
import { SERVER } from '../guest/wire.js';
import { CLIENT4, CLIENT6, mapped, toa } from './toa.js';

const nodeServer = `
  const server = require('net').createServer((socket) => {
    console.log('client', '[' + socket.remoteAddress + ']:' + socket.remotePort);
    socket.destroy();
  });
  server.listen(Number(process.argv[1]), '::', () => console.log('listening'));`;

export const programCases: readonly Case[] = [
  {
    name: 'a C program sees the client',
    run: async (guest) => {
      guest.load();
      const port = freshPort();
      const running = await guest.program([compiled('peers'), `${port}`], /^listening/);
      await connectBoth(guest, port);
      await running.line(/^\[2001:db8::7\]:51514 \[2001:db8::7\]:51514$/);
      await running.line(/^\[::ffff:203\.0\.113\.7\]:51514 \[::ffff:203\.0\.113\.7\]:51514$/);
    },
  },
  {
    name: 'Node sees the client',
    run: async (guest) => {
      guest.load();
      const port = freshPort();
      const running = await guest.program([process.execPath, '-e', nodeServer, `${port}`], /^listening/);
      await connectBoth(guest, port);
      for (const client of [mapped(CLIENT4), CLIENT6]) {
        await until(`client ${client}`, () => running.stdout.toString().includes(`client ${client}\n`));
      }
    },
  },
  {
    name: 'nginx writes the client into its access log, also with deferred accept',
    run: async (guest) => {
      guest.load();
      const folder = mkdtempSync(join(tmpdir(), 'toa-nginx-'));
      const ports = [freshPort(), freshPort()] as const;
      const configuration = nginxConfiguration(folder, [`${ports[0]}`, `${ports[1]} deferred`]);
      await guest.program(['nginx', '-c', configuration, '-e', join(folder, 'error.log')], /^/);
      await until('nginx listens', () => listens(ports[1]));
      for (const port of ports) {
        const client = await guest.connect(`${SERVER[4]}:${port}`, { ack: toa(CLIENT4) });
        client.write('GET / HTTP/1.0\r\n\r\n');
      }
      const log = () => readFileSync(join(folder, 'access.log'), 'utf8').trim().split('\n');
      await until('two lines in the access log', () => log().length === 2);
      deepStrictEqual(log(), Array(2).fill(`${CLIENT4} 200`));
      match(log()[0]!, /^203/);
    },
  },
];

async function connectBoth(guest: Guest, port: number): Promise<void> {
  await guest.connect(`${SERVER[4]}:${port}`, { ack: toa(CLIENT4) });
  await guest.connect(`${SERVER[6]}:${port}`, { ack: toa(CLIENT6) });
}

function listens(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return new RegExp(`:${hex} 0+:0000 0A `).test(readFileSync('/proc/net/tcp', 'utf8'));
}
