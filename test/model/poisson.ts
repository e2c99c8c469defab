/**
 * How few and how many events of a Poisson process may be counted so that fewer are less likely than `risk`, and more
 * likewise.
 */
export function poissonLimits(expected: number, risk: number): [least: number, most: number] {
  const probabilities: number[] = [];
  // Far beyond the mean: what is left out is nothing beside any risk that can be told.
  const end = Math.ceil(expected + 40 * Math.sqrt(expected) + 100);
  for (let k = 0, logarithm = -expected; k <= end; k++) {
    probabilities.push(Math.exp(logarithm));
    logarithm += Math.log(expected) - Math.log(k + 1);
  }
  const firstAtRisk = (list: readonly number[]) => {
    let sum = 0;
    return list.findIndex((probability) => {
      sum += probability;
      return sum >= risk;
    });
  };
  return [firstAtRisk(probabilities), end - firstAtRisk(probabilities.toReversed())];
}
