// Checks the JSON of `npm run bench -- --json` on standard input: every figure is there and is a positive number,
// but for the packets of HAProxy, which passes on bytes of connections and no packets.
import { readFileSync } from 'node:fs';

const peers = ['toakit', 'nftables', 'haproxy', 'routing'];
const balancer = ['connectionsPerSecond', 'gbitPerSecond', 'packetsPerSecond', 'p50', 'p99'];
const wanted = [
  ...peers.flatMap((peer) => balancer.map((figure) => ['balancer', peer, figure])),
  ...['16', '4096', '65536'].map((connections) => ['core', 'fullnat', connections]),
  ['receiver', 'connectionsRatio'],
  ['watch', 'offered'],
  ['watch', 'cpu'],
  ...['syn 4', 'syn 6', 'ack 4', 'ack 6'].map((segment) => ['synProxy', 'nanoseconds', segment]),
  ...['toakit', 'nftables', 'listener'].flatMap((peer) =>
    ['synAcksPerSecond', 'p99Quiet', 'p99Paced', 'p99Unpaced'].map((figure) => [
      'synProxy',
      'flood',
      peer,
      figure,
    ]),
  ),
  ...['plain', 'proxied'].flatMap((service) =>
    ['upload', 'download'].map((way) => ['synProxy', 'throughput', service, way]),
  ),
];

const figures = JSON.parse(readFileSync(0, 'utf8'));
for (const path of wanted) {
  const value = path.reduce((object, key) => object?.[key], figures);
  if (path.join('.') === 'balancer.haproxy.packetsPerSecond' && value === null) continue;
  if (typeof value === 'number' && value > 0) continue; // JSON knows neither NaN nor Infinity
  console.error(`bench: wanted a positive number at ${path.join('.')}, got ${JSON.stringify(value)}`);
  process.exitCode = 1;
}
