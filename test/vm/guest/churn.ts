import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Guest } from './guest.js';
import { compiled } from './programs.js';

/** What test/vm/programs/churn.c has seen. */
export interface Churned {
  readonly connections: number;
  /** How many showed their client, their peer, were gone before they could say who they are, or showed somebody else. */
  readonly client: number;
  readonly peer: number;
  readonly gone: number;
  readonly wrong: number;
  /** What was wrong first. */
  readonly first: string;
}

/**
 * Opens many connections from the wire, each with its own client, and compares what accept() and getpeername() say.
 * `twice`: two processors send each ACK at the same moment.
 */
export async function churn(
  guest: Guest,
  {
    port,
    count,
    shows,
    twice = false,
  }: { port: number; count: number; shows: 'all' | 'either'; twice?: boolean },
): Promise<Churned> {
  const { device, mac, peerMac } = guest.wire.wire;
  const args = [device, mac, peerMac, `${port}`, `${count}`, shows, ...(twice ? ['twice'] : [])];
  // A wrong address is exit status 1, and said in the same words.
  const { stdout } = await promisify(execFile)(compiled('churn'), args).catch(
    (error: { stdout?: string }) => {
      if (error.stdout) return { stdout: error.stdout };
      throw error;
    },
  );
  return JSON.parse(stdout) as Churned;
}
