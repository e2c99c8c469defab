/** What several rounds of one measurement came to. All three are in the unit of the samples. */
export interface Summary {
  median: number;
  min: number;
  max: number;
}

/** The median of one or more samples; the mean of the middle two when their number is even. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new RangeError('median of no samples');
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/** Median and spread of one or more samples. */
export function summarize(samples: readonly number[]): Summary {
  return { median: median(samples), min: Math.min(...samples), max: Math.max(...samples) };
}

/** Turns one record of figures per round into a summary of each figure. All records have the figures of the first. */
export function summarizeRounds<Figure extends string>(
  samples: readonly Readonly<Partial<Record<Figure, number>>>[],
): Record<Figure, Summary> {
  const figures = Object.keys(samples[0] ?? {}) as Figure[];
  const summaries = figures.map((figure) => [figure, summarize(samples.map((sample) => sample[figure]!))]);
  return Object.fromEntries(summaries) as Record<Figure, Summary>;
}
