import { readdirSync, readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/**
 * Has the threads that V8 compiles in run where others leave them time. The packet path is compiled again whenever a new
 * kind of traffic comes; on few processors the compiler's tenth of a second would be taken in long slices from the balancer
 * and from the programs beside it: clients would wait a millisecond for a packet. In Linux a priority is a thread's (setpriority(2)).
 * To be called from the main thread, which keeps its own. Nothing but speed depends on it.
 */
export function lowerBackgroundThreads(): void {
  // The main thread waits for those that scavenge with it, and would wait for their betters: it does so alone.
  setFlagsFromString('--no-parallel-scavenge');
  for (const thread of ownThreads()) {
    if (thread !== process.pid) lower(thread);
  }
}

/** None where /proc is not there, or is another PID namespace's, whose numbers mean others. */
function ownThreads(): number[] {
  try {
    if (readlinkSync('/proc/self') !== String(process.pid)) return [];
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [];
  }
}

function lower(thread: number): void {
  try {
    setPriority(thread, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended, or a sandbox knows better.
  }
}
