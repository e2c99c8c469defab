/** A guest as the real server of test/network/lan.ts: a kernel that has tunnels, on the wire by a tap device. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { addPort } from '../../network/lan.js';
import { manualCommands, PORT, type ServerStarter, settleServer } from '../../network/real-server.js';
import { locals } from '../../network/testbed.js';
import type { Bootable } from '../outside.js';
import { qemuCommand } from './boot.js';
import { prepareStart } from './share.js';

const TAP = 'guest';
/** Milliseconds that it may take to boot and to listen: on a machine that has nothing else to do it takes ten seconds. */
const PATIENCE = 120_000;

/** One that is set up as docs/configuration.md says under these headings. */
export function guestAsServer(bootable: Bootable, headings: readonly string[]): ServerStarter {
  return async (_network, { wire }, mode) => {
    const { kernel, root, results } = bootable;
    const program = join(packageRoot, 'dist/test/network/programs/server.js');
    // As careful as machines come.
    const filters = ['all', 'default', 'eth0'].map((where) => `net.ipv4.conf.${where}.rp_filter=1`);
    const commands = `set -ex
modprobe virtio_net
ip link set lo up
ip link set eth0 up
sysctl -w ${filters.join(' ')}
${settleServer(mode)}${headings.map(manualCommands).join('')}
'${root.node}' '${program}' http ${PORT} ${locals.join(' ')}`;
    prepareStart(results, kernel.root, root, commands);
    wire.ip('tuntap', 'add', TAP, 'mode', 'tap');
    addPort(wire, TAP);
    const running = wire.start(...qemuCommand(kernel, { ...bootable, tap: TAP }));
    const log = join(results, 'console.log');
    running.child.stdout!.on('data', (chunk: Buffer) => appendFileSync(log, chunk));
    await running.line(/^listening/, PATIENCE);
  };
}
