/**
 * `node table.js CONNECTIONS`: what connections of FULLNAT cost in a table with so many, and prints it as a
 * `TableSample`; in a process of its own, so that its memory is theirs. Each has two entries in the index, a local port
 * and an initial sequence number of its own.
 */
import { Balancer, Frame, HEADROOM } from '../../lib/balancer/index.js';
import { hugePages } from '../../lib/daemon/huge-pages.js';
import { requireNative } from '../../lib/native.js';
import { VNET_HEADER } from '../../lib/net/virtio.js';
import { packet } from '../../test/support/packet-builder.js';
import { neighborReply } from '../../test/support/rig.js';
import { configuration, INSIDE, IPV4, links, MACS, OUTSIDE } from '../../test/support/topology.js';
import { median } from '../support/statistics.js';

export interface TableSample {
  /** Nanoseconds: a SYN that opens a connection, a packet of one that there is, and the end of one. */
  opening: number;
  finding: number;
  expiring: number;
  /** Bytes of memory for each connection, with those that every balancer takes. */
  memory: number;
}

const BATCH = 64;
const START = HEADROOM + VNET_HEADER;
const PORTS = 50_000;
const WARM_UP = 20_000;
/** More pairs than a million connections need: each has some 60 000 local ports. */
const LOCAL_ADDRESSES = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'];
const REAL_SERVERS = Array.from({ length: 8 }, (_, n) => `10.0.0.${17 + n}`);

const size = Number(process.argv[2]);
measure(WARM_UP);
const before = process.memoryUsage().rss;
process.stdout.write(`${JSON.stringify(measure(size, before))}\n`);

function measure(connections: number, rssBefore = 0): TableSample {
  let now = 1000;
  const config = configuration(IPV4, {
    service: {
      localAddresses: LOCAL_ADDRESSES,
      realServers: REAL_SERVERS.map((address) => ({ address, port: 8080 })),
      timeouts: { synReceived: 100 },
    },
    settings: { maxConnections: connections, dropEntry: 'never' },
  });
  const secret = new Uint8Array(32).fill(7);
  const balancer = new Balancer(config, {
    links: links(),
    secret,
    now,
    allocate: hugePages(requireNative()),
  });
  const templates = Array.from({ length: Math.ceil(connections / PORTS) }, (_, n) =>
    packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from: `203.0.${n >> 8}.${n & 255}`, to: IPV4.vip })
      .tcp({ from: 0, to: IPV4.port, flags: 'S' })
      .bytes(),
  );
  const frame = new Frame(new Uint8Array(START + 2048));
  const put = (link: number, bytes: Uint8Array): void => {
    frame.bytes.set(bytes, START);
    frame.at(START, bytes.length, link);
  };
  balancer.start(now);
  for (const [n, address] of REAL_SERVERS.entries()) {
    put(INSIDE, neighborReply(INSIDE, address, MACS.server(n), LOCAL_ADDRESSES[0]!).bytes());
    balancer.process(frame, now);
  }
  balancer.emitted.clear();
  /** The TCP checksum stays wrong, which is the real server's business. */
  const send = (n: number): void => {
    const bytes = templates[Math.floor(n / PORTS)]!;
    put(OUTSIDE, bytes);
    frame.view.setUint16(START + 34, 1 + (n % PORTS));
    if (balancer.process(frame, now) !== INSIDE) throw new Error('a packet was not forwarded');
  };
  const time = (numberOf: (n: number) => number): number => {
    const times: number[] = [];
    for (let first = 0; first + BATCH <= connections; first += BATCH) {
      const begin = performance.now();
      for (let n = first; n < first + BATCH; n++) send(numberOf(n));
      times.push(performance.now() - begin);
    }
    return (median(times) * 1e6) / BATCH;
  };
  const opening = time((n) => n);
  // A prime step, so that neighbors in time are none in memory.
  const finding = time((n) => (n * 7919) % connections);
  const memory = (process.memoryUsage().rss - rssBefore) / connections;
  const opened = balancer.connections.count;
  if (opened < connections - BATCH) throw new Error(`${opened} of ${connections} connections were opened`);
  const begin = performance.now();
  for (now += 102_000; balancer.advance(now); ) balancer.emitted.clear();
  const expiring = ((performance.now() - begin) * 1e6) / opened;
  if (balancer.connections.count > 0) throw new Error('connections are left');
  return { opening, finding, expiring, memory };
}
