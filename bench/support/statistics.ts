/** What samples say. */

/** @param share 0.5 is the median; NaN when there are no samples */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export interface Trend {
  /** Least squares, in y per x. */
  readonly slope: number;
  /** Its standard error: a slope of more than twice this differs from 0. */
  readonly error: number;
}

export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / squares;
  const residual = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(residual / Math.max(1, points.length - 2) / squares) };
}

/** Each round gives one value. */
export async function rounds<T>(count: number, round: (number: number) => Promise<T>): Promise<T[]> {
  const values: T[] = [];
  for (let number = 1; number <= count; number += 1) values.push(await round(number));
  return values;
}
