/** The greatest common divisor of the numbers, without those that are 0; 0 when all are. */
export function greatestCommonDivisor(numbers: readonly number[]): number {
  return numbers.reduce((divisor, number) => {
    let [a, b] = [divisor, number];
    while (b !== 0) [a, b] = [b, a % b];
    return a;
  }, 0);
}
