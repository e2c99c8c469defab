/** A TAP device: what is written into it arrives at the kernel as if a wire had brought it, offloads and all. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { waitUntilUp } from '../../cli/namespaces/link-up.js';
import { runShell } from './run-shell.js';

const node = '/dev/net/tun';

/** Opens the device with virtio headers (TUNSETIFF: IFF_TAP, IFF_NO_PI, IFF_VNET_HDR), and writes each line of hexadecimal digits into it. */
const program = (name: string) => `
import fcntl, os, struct, sys
tap = os.open('${node}', os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'${name}', 0x0002 | 0x1000 | 0x4000))
print('ready', flush=True)
for line in sys.stdin:
    os.write(tap, bytes.fromhex(line.strip()))
`;

export class TapDevice {
  readonly #child: ChildProcess & { stdin: NonNullable<ChildProcess['stdin']> };

  private constructor(child: ChildProcess & { stdin: NonNullable<ChildProcess['stdin']> }) {
    this.#child = child;
  }

  /** Makes a device of this name in the namespace of this process; it is gone with `using`. */
  static async open(name: string): Promise<TapDevice> {
    const child = spawn('python3', ['-c', program(name)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    runShell(`ip link set ${name} up`);
    waitUntilUp(name);
    return new TapDevice(child);
  }

  /** A frame arrives, its virtio header before it. */
  write(virtio: Uint8Array, frame: Uint8Array): void {
    this.#child.stdin.write(`${Buffer.from([...virtio, ...frame]).toString('hex')}\n`);
  }

  [Symbol.dispose](): void {
    this.#child.stdin.end();
    this.#child.kill();
  }
}
