import { runCommand } from '../../lib/daemon/command.js';

/** Linux's link watch waits for up to a second before it acts on a new carrier (net/core/link_watch.c). */
const PATIENCE = 3000;
const INTERVAL = 5;

/**
 * Waits, blocking, until an interface carries frames. `ip link set up` returns earlier: until the kernel has seen to the
 * new carrier, what is sent is dropped without a word. Gives up after three seconds, for a cable whose other end is down.
 * @param namespace name of the network namespace; without it the present one
 */
export function waitUntilUp(device: string, namespace?: string): void {
  const within = namespace === undefined ? [] : ['-n', namespace];
  const end = performance.now() + PATIENCE;
  while (performance.now() < end) {
    const [link] = JSON.parse(runCommand('ip', [...within, '-j', 'link', 'show', device])) as [
      { operstate: string },
    ];
    if (link.operstate === 'UP') return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, INTERVAL);
  }
}
