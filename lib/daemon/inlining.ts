import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8 put the packet path together from its many small functions: its limits are for programs at large, and at
 * them a known connection's packet still makes some ten calls. With these, `npm run bench -- core` shows a fifth less
 * time per packet. They are heuristics of the optimizing compiler: nothing but speed depends on them. To be called
 * before the packet path runs hot; for the whole process.
 */
export function raiseInliningLimits(): void {
  setFlagsFromString('--max-inlined-bytecode-size=1000');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=6000');
  // What happens to few packets, as the opening of a connection, must not use up that budget.
  setFlagsFromString('--min-inlining-frequency=0.4');
}
