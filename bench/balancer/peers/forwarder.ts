import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { macs } from '../laboratory.js';
import { startHandingOver } from './handed-over.js';
import type { Peer } from './peer.js';

const program = join(packageRoot, 'build', 'forwarder');
let isCompiled = false;

function compile(): void {
  if (isCompiled) return;
  const source = join(packageRoot, 'bench', 'balancer', 'forwarder.c');
  mkdirSync(dirname(program), { recursive: true });
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-o', program, source], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  isCompiled = true;
}

/** How far a program in C gets with recvmmsg and sendmmsg, without a thought for what is in the frames. */
export const forwarder: Peer = {
  name: 'forwarder',
  description: 'recvmmsg and sendmmsg in C, frames only swapped',
  perPacket: true,
  start(laboratory) {
    compile();
    const links = ['eth0', macs.client, macs.front, 'eth1', macs.server, macs.back];
    return startHandingOver(laboratory, (balancer) => balancer.start(program, links), /^forwarding$/);
  },
};
