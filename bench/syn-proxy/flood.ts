import { setTimeout as sleep } from 'node:timers/promises';
import { program } from '../../test/network/program.js';
import { Flood } from '../../test/support/flood.js';
import type { SpoofedKind } from '../../test/support/spoofed-segments.js';
import { addresses, Laboratory, macs, ports } from '../balancer/laboratory.js';
import { progress } from '../support/progress.js';
import type { SynProxyPeer } from './peers/peer.js';

/** Real clients, the pause of each between two connections, and how long they wait for one, in ms. */
const CLIENTS = 50;
const PAUSE = 100;
const PATIENCE = 10_000;

/** Until the compiler is done with the path of SYNs. */
const WARM_UP_SECONDS = 1;

const target = {
  address: addresses.vip,
  port: ports.http,
  macs: { from: macs.client, to: macs.front },
};

/** What a flood does to one peer. Times are in ms, from connect() to the last byte of the answer. */
export interface FloodSample {
  /** SYN-ACKs per second, to as many SYNs as one core can send. */
  synAcksPerSecond: number;
  /** Of those SYNs, in parts of one, the ones that were not answered: the kernel drops them before anybody sees them. */
  unanswered: number;
  /** Clients' 99th percentile without a flood, during the paced one, and during one that is not paced. */
  p99Quiet: number;
  p99Paced: number;
  p99Unpaced: number;
  /** Their connections, in parts of one, that failed or were not done in ten seconds. */
  failedPaced: number;
  failedUnpaced: number;
  /** Of the unpaced flood's segments, in parts of one, those that the kernel dropped. */
  droppedUnpaced: number;
}

/**
 * Measures a peer in fresh namespaces, each stage for `seconds`.
 * @param pace tells how many frames per second the paced flood has, by the SYN-ACKs per second that were measured just before
 */
export async function measureFlood(
  peer: SynProxyPeer,
  seconds: number,
  pace: (synAcksPerSecond: number) => number,
): Promise<FloodSample> {
  const laboratory = new Laboratory();
  try {
    const drops = await peer.start(laboratory);
    await laboratory.ready();
    const flood = new Flood(laboratory.client, 'eth0');
    const run = (kinds: readonly SpoofedKind[], perSecond: number, duration: number) =>
      flood.run(target, kinds, { perSecond, seconds: duration });

    await run(['syn', 'ack'], Infinity, WARM_UP_SECONDS);
    const { p99: p99Quiet } = await clients(laboratory, seconds);
    const syns = await run(['syn'], Infinity, seconds);
    const synAcksPerSecond = syns.synAcks / syns.seconds;
    const perSecond = pace(synAcksPerSecond);
    const during = async (rate: number) => {
      const before = await drops();
      const [figures, { sent }] = await Promise.all([
        clients(laboratory, seconds),
        run(['syn', 'ack'], rate, seconds + 1),
      ]);
      return { ...figures, dropped: ((await drops()) - before) / sent };
    };
    const paced = await during(perSecond);
    const unpaced = await during(Infinity);
    laboratory.assertAlive();
    progress(`  ${synAcksPerSecond.toFixed(0)} SYN-ACKs/s`);
    return {
      synAcksPerSecond,
      unanswered: 1 - syns.synAcks / syns.sent,
      p99Quiet,
      p99Paced: paced.p99,
      p99Unpaced: unpaced.p99,
      failedPaced: paced.failed,
      failedUnpaced: unpaced.failed,
      droppedUnpaced: unpaced.dropped,
    };
  } finally {
    laboratory.close();
  }
}

/** What real clients see. */
async function clients(laboratory: Laboratory, seconds: number): Promise<{ p99: number; failed: number }> {
  await sleep(500); // a flood has begun by then, or has ended
  const args = [addresses.vip, ports.http, CLIENTS, PAUSE, PATIENCE, seconds].map(String);
  const { stdout, stderr } = await laboratory.client.run(process.execPath, [
    program('busy-clients'),
    ...args,
  ]);
  const { completed, failures, p99 } = JSON.parse(stdout.toString() || 'null') as {
    completed: number;
    failures: string[];
    p99: number | null;
  };
  if (p99 === null) throw new Error(`no client was answered: ${failures[0] ?? stderr}`);
  return { p99, failed: failures.length / (completed + failures.length) };
}
