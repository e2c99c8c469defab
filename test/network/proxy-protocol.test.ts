// Real servers that learn the client's address by the PROXY protocol: see testbed.ts for the picture.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { BalancerConfig } from '../../lib/balancer/config/index.js';
import { cert, key } from '../support/certificate.js';
import { proxyHeader } from '../support/proxy-header.js';
import { hostPort } from '../support/wire.js';
import { networkTest } from './network-test.js';
import {
  balancerConfig,
  buildTestbed,
  curl,
  endpoint,
  families,
  noise,
  proxied,
  startBalancer,
  stopBalancer,
} from './testbed.js';

function proxyConfig(): BalancerConfig {
  const config = balancerConfig([80, 443]);
  const services = config.services.map(({ toa: _, ...service }) => ({
    ...service,
    clientAddress: 'proxy-v2' as const,
  }));
  return { ...config, services };
}

interface Receiver {
  readonly name: string;
  /** Its configuration; it answers any request with the client's address and port as it knows them. */
  readonly configuration: (folder: string) => string;
  readonly command: (file: string) => readonly string[];
}

const receivers: readonly Receiver[] = [
  {
    name: 'nginx',
    configuration: (folder) => `
      daemon off; master_process off; pid ${folder}/pid; error_log stderr;
      events {}
      http {
        access_log off; client_max_body_size 20m;
        client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
        server {
          listen 80 proxy_protocol; listen [::]:80 proxy_protocol;
          listen 443 ssl proxy_protocol; listen [::]:443 ssl proxy_protocol;
          ssl_certificate ${folder}/certificate; ssl_certificate_key ${folder}/certificate;
          location / { return 200 "$proxy_protocol_addr $proxy_protocol_port"; }
          location /file { root ${folder}; }
        }
      }`,
    command: (file) => ['nginx', '-e', 'stderr', '-c', file],
  },
  {
    name: 'HAProxy',
    configuration: (folder) => `
      defaults
        mode http
        timeout connect 5s
        timeout client 30s
        timeout server 30s
      frontend all
        bind :::80 v4v6 accept-proxy
        bind :::443 v4v6 accept-proxy ssl crt ${folder}/certificate
        http-request return status 200 content-type text/plain lf-string "%[src] %[src_port]"
      `,
    command: (file) => ['haproxy', '-db', '-f', file],
  },
];

/** Runs a receiver in a namespace until the test is over; returns its folder, when it listens. */
async function startReceiver(t: TestContext, server: Namespace, receiver: Receiver): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'toa-proxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'certificate'), `${cert}\n${key}\n`);
  const file = join(folder, 'configuration');
  writeFileSync(file, receiver.configuration(folder).replaceAll(/^ {6}/gm, ''));
  const [program, ...args] = receiver.command(file) as [string, ...string[]];
  server.start(program, args);
  await listening(server);
  return folder;
}

/** Waits until somebody listens on both ports. */
async function listening(namespace: Namespace): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { stdout } = await namespace.run('ss', ['-Hltn']);
    if (/:80 /.test(stdout.toString()) && /:443 /.test(stdout.toString())) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('nobody listens on the ports 80 and 443');
}

const ways = receivers.flatMap((receiver) => [
  { receiver, how: '', config: proxyConfig() },
  { receiver, how: ' through the SYN proxy', config: proxied(proxyConfig()) },
]);

for (const { receiver, how, config } of ways) {
  networkTest(
    `${receiver.name} that accepts PROXY headers sees each client, over TLS too${how}`,
    async (network, t) => {
      const { client, balancer, server } = buildTestbed(network);
      await startReceiver(t, server, receiver);
      const running = await startBalancer(balancer, config);
      const requests = families.flatMap((family) =>
        ['http', 'https'].map((scheme) => ({ scheme, ...family })),
      );
      for (const { scheme, url, client: address } of requests) {
        const options = ['-k', '--interface', address, '-w', '\n%{local_ip} %{local_port}'];
        const { stdout } = await curl(client, [...options, `${scheme}://${url}/`]);
        const [told, own] = stdout
          .toString()
          .split('\n')
          .map((line) => {
            const [host = '', port = ''] = line.split(' ');
            return endpoint(host, Number(port));
          });
        assert.equal(told, own);
        assert.ok(own?.includes(address));
      }
      const counters = await stopBalancer(running);
      assert.equal(counters['proxy-header-sent'], requests.length);
      assert.equal(counters['toa-added'], 0);
      assert.equal(counters['syn-proxy-ack-ok'], how === '' ? 0 : requests.length);
    },
  );
}

for (const [how, config] of [
  ['', proxyConfig()],
  [' through the SYN proxy', proxied(proxyConfig())],
] as const) {
  networkTest(`behind a PROXY header 10 MB come as they are${how}`, async (network, t) => {
    const { client, balancer, server } = buildTestbed(network);
    const [nginx] = receivers;
    const folder = await startReceiver(t, server, nginx!);
    const file = noise(10_000_000);
    writeFileSync(join(folder, 'file'), file);
    await startBalancer(balancer, config);
    for (const { url } of families) {
      const { stdout } = await curl(client, [`http://${url}/file`]);
      assert.ok(stdout.equals(file), `${stdout.length} bytes came, not the same`);
    }
  });
}

/** Neither end tells the other of a connection that it resets. */
const NO_RESETS =
  'table inet silence { chain out { type filter hook output priority 0; tcp flags rst drop; }; }';
/** Connects, and forgets it. */
const FORGETFUL_CLIENT = `
  const [host, port, localAddress, localPort] = process.argv.slice(1);
  const socket = require('node:net').connect({ host, port, localAddress, localPort: Number(localPort) }, () =>
    setTimeout(() => socket.resetAndDestroy(), 100));`;
/** Forgets so many connections as soon as something has come; answers requests on later ones with what came ahead, in hex. */
const FORGETFUL_SERVER = `
  let forgotten = 0;
  require('node:net').createServer((socket) => {
    const received = [];
    socket.on('error', () => {}).on('data', (bytes) => {
      if (forgotten < Number(process.argv[1])) {
        socket.resetAndDestroy();
        console.log('forgotten', ++forgotten);
        return;
      }
      received.push(bytes);
      const ahead = Buffer.concat(received);
      const request = ahead.indexOf('GET ');
      if (request < 0) return;
      socket.end('HTTP/1.0 200 OK\\r\\n\\r\\n' + ahead.toString('hex', 0, request));
    });
  }).listen(80, () => console.log('listening'));`;

for (const [how, config] of [
  ['', proxyConfig()],
  [' through the SYN proxy', proxied(proxyConfig())],
] as const) {
  networkTest(
    `where both ends have forgotten an open connection, the next one has a PROXY header too${how}`,
    async (network) => {
      const { client, balancer, server } = buildTestbed(network);
      const { length: count } = families;
      const receiver = server.start(process.execPath, ['-e', FORGETFUL_SERVER, String(count)]);
      await receiver.line(/^listening$/);
      const running = await startBalancer(balancer, config);
      for (const end of [client, server]) end.nft(NO_RESETS);
      for (const { client: address, vip } of families) {
        const { code, stderr } = await client.run(process.execPath, [
          '-e',
          FORGETFUL_CLIENT,
          vip,
          '80',
          address,
          '40000',
        ]);
        assert.equal(code, 0, stderr.toString());
      }
      await receiver.line(new RegExp(`^forgotten ${count}$`));
      await forgotten(server);
      for (const end of [client, server]) end.nft('delete table inet silence');
      for (const { client: address, vip, url } of families) {
        const { stdout } = await curl(client, [
          '--interface',
          address,
          '--local-port',
          '40000',
          `http://${url}/`,
        ]);
        const header = proxyHeader(hostPort(address, 40000), hostPort(vip, 80));
        assert.equal(stdout.toString(), Buffer.from(header).toString('hex'));
      }
      const counters = await stopBalancer(running);
      assert.equal(counters['connections-new'], count);
      assert.equal(counters['connections-reused-established'], count);
      assert.equal(counters['proxy-header-sent'], 2 * count);
    },
  );
}

/** Waits until nothing is left of the connections that a server had. */
async function forgotten(server: Namespace): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { stdout } = await server.run('ss', ['-Htan', 'state', 'connected']);
    if (stdout.toString().trim() === '') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('the server still knows its connections');
}
