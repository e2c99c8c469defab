/** How many networks or scripts a property is tried on. */
const asked = process.env.TOA_MODEL_RUNS;

/** Whether they are drawn anew: other ones than the tests were written with, which a change must not be blamed for. */
export const isDrawnAnew = asked !== undefined;

/** The same `runs` draws each time, or as many new ones as TOA_MODEL_RUNS asks for. */
export function draws(runs: number) {
  return {
    ...(isDrawnAnew ? { numRuns: Number(asked) } : { numRuns: runs, seed: 4 }),
    includeErrorInReport: true,
  };
}
