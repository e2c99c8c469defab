import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Has the threads that V8 compiles and collects in run when nobody else wants to. The packet path is compiled again whenever a new
 * kind of traffic comes; on few processors the compiler's tenth of a second would be taken in long slices from the balancer
 * and from the programs beside it: clients would wait a millisecond for a packet. In Linux a priority is a thread's (setpriority(2)).
 * To be called from the thread that forwards, which keeps its own.
 */
export function lowerBackgroundThreads(): void {
  try {
    for (const thread of readdirSync('/proc/self/task').map(Number)) {
      if (thread !== process.pid) setPriority(thread, constants.priority.PRIORITY_LOW);
    }
  } catch {
    // No /proc, or a sandbox that knows better: nothing but speed depends on it.
  }
}
