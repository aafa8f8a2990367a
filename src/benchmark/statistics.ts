// Statistics with numpy's definitions, which `vllm bench serve` uses: percentiles between two values are
// interpolated, and the standard deviation is the population's. All of them are 0 for an empty list.

/** @param p 0 to 100 */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = ((sorted.length - 1) * p) / 100;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  if (low === undefined || high === undefined) return 0;
  return low + (high - low) * (at - Math.floor(at));
}

export const medianOf = (values: readonly number[]) => percentile(values, 50);

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function standardDeviation(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
}

export interface Quartiles {
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
}

export const quartiles = (values: readonly number[]): Quartiles => ({
  q1: percentile(values, 25),
  median: percentile(values, 50),
  q3: percentile(values, 75),
});
