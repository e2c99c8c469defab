/** Boots a kernel in QEMU and waits for its verdict. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import type { Architecture } from '../kernels/catalog.js';
import { imageOf, type Kernel } from '../kernels/fetch.js';
import { VERDICT_DONE, VERDICT_FILE, VERDICT_PORT } from './agreement.js';
import type { GuestRoot } from './root.js';

/** How a guest ended: by its own verdict, by itself without one (panic, power off), or because nothing came any more. */
export type End = 'done' | 'gave up' | 'died' | 'hung';

/** What a guest is made of. */
export interface Machine {
  readonly initramfs: string;
  /** The folder that the guest may write. */
  readonly results: string;
  readonly root: GuestRoot;
  /** Counts the guest's time in instructions, one a nanosecond, on one processor: for measurements. */
  readonly countInstructions?: boolean;
  /** The tap device that is the other end of its network card; without one it has none. */
  readonly tap?: string;
}

/** The guest's console goes to `console.log` in its folder. */
export interface BootOptions extends Machine {
  /** A file in `results` that grows while the guest gets on. */
  readonly heartbeat: string;
  /** Seconds without a change of the heartbeat after which the guest counts as hung. */
  readonly patience: number;
}

/** QEMU's programs, and the machines that they play. Only the first one has a device for verdicts. */
const MACHINES: Readonly<Record<Architecture, readonly [string, readonly string[]]>> = {
  amd64: [
    'qemu-system-x86_64',
    ['-M', 'pc', '-cpu', 'max', '-device', `isa-debug-exit,iobase=${VERDICT_PORT},iosize=1`],
  ],
  arm64: ['qemu-system-aarch64', ['-M', 'virt', '-cpu', 'cortex-a72']],
};

const CONSOLES: Readonly<Record<Architecture, string>> = { amd64: 'ttyS0', arm64: 'ttyAMA0' };

export async function boot(kernel: Kernel, options: BootOptions): Promise<End> {
  const log = openSync(join(options.results, 'console.log'), 'a');
  const [program, args] = qemuCommand(kernel, options);
  const child = spawn(program, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let hung = false;
  const started = Date.now();
  const watch = setInterval(() => {
    const last = statSync(options.heartbeat, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    hung = Date.now() - Math.max(last, started) > 1000 * options.patience;
    if (hung) kill();
  }, 1000);
  const [status] = (await once(child, 'exit')) as [number | null];
  clearInterval(watch);
  process.off('exit', kill);
  if (hung) return 'hung';
  const verdict = kernel.architecture === 'amd64' ? status! >> 1 : writtenVerdict(options.results);
  if (verdict === VERDICT_DONE) return 'done';
  return verdict === 0 ? 'died' : 'gave up';
}

/**
 * The program that is the guest, with its arguments; the console is its standard output. TCG in one thread: other
 * accelerators may be there and not work in a machine that is itself virtual, and several threads let kernels panic under
 * load for no fault of theirs.
 */
export function qemuCommand(
  kernel: Kernel,
  { initramfs, results, root, countInstructions, tap }: Machine,
): [program: string, args: string[]] {
  const [program, machine] = MACHINES[kernel.architecture];
  const time = countInstructions ? ['-icount', 'shift=0,sleep=off', '-smp', '1'] : ['-smp', '2'];
  const share = (path: string, tag: string, access: string) =>
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${access}`;
  const card = tap === undefined ? 'none' : `tap,model=virtio-net-pci,ifname=${tap},script=no,downscript=no`;
  const args = [
    ...machine,
    ...['-accel', 'tcg,thread=single', ...time, '-m', '1024'],
    ...['-nodefaults', '-display', 'none', '-vga', 'none', '-nic', card, '-no-reboot', '-serial', 'stdio'],
    ...['-virtfs', share(root.path, 'machine', ',readonly=on'), '-virtfs', share(results, 'results', '')],
    ...(root.isForeign ? ['-virtfs', share(packageRoot, 'checkout', ',readonly=on')] : []),
    ...['-kernel', imageOf(kernel), '-initrd', initramfs],
    ...['-append', `console=${CONSOLES[kernel.architecture]} quiet loglevel=4 panic=-1 oops=panic`],
  ];
  return [program, args];
}

/** The verdict of a guest that can only write it down; 0 where it has not. */
function writtenVerdict(results: string): number {
  try {
    return readFileSync(join(results, VERDICT_FILE))[0] ?? 0;
  } catch {
    return 0;
  }
}
