import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addresses, type Laboratory, ports } from '../laboratory.js';

const blaster = fileURLToPath(new URL('../packet-blaster.js', import.meta.url));

/** Counted by the interface and gone: the server's TCP must not answer each of them. They are 46 bytes from the IP header on. */
const dropSmallSegments = `
table netdev sink {
  chain ingress {
    type filter hook ingress device eth0 priority 0;
    ip length 46 tcp dport ${ports.http} drop;
  }
}
`;

/** 64-byte packets per second that reach the server, sent by one core as fast as it can on one known connection. */
export async function packetsPerSecond(laboratory: Laboratory, seconds: number): Promise<number> {
  const { client, server } = laboratory;
  server.nft(dropSmallSegments);
  const running = client.start(process.execPath, [blaster, addresses.vip, String(ports.http), 'eth0']);
  try {
    await running.line(/^blasting$/);
    await sleep(200);
    const start = { at: performance.now(), count: laboratory.packetsAtServer() };
    await sleep(seconds * 1000);
    const count = laboratory.packetsAtServer() - start.count;
    const elapsed = (performance.now() - start.at) / 1000;
    if (running.child.exitCode !== null) throw new Error(`the packet blaster ended: ${running.stderr}`);
    if (count <= 0) throw new Error('no small packet reached the server');
    return count / elapsed;
  } finally {
    await running.stop('SIGKILL');
  }
}
