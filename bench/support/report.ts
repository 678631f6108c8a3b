/** What a bench found, for people and for programs. */
import { table } from '../../src/cli/table.js';
import { quantile, trendOf } from './statistics.js';

export interface Figure {
  readonly name: string;
  readonly unit:
    | 'MB'
    | 's'
    | 'ms'
    | 'µs'
    | 'tasks/s'
    | 'records/s'
    | 'ms per 1,000'
    | 'records per CPU second'
    | 'CPU s'
    | 'MB/min'
    | 'MB per hour'
    | '%'
    | '×'
    | 'bytes'
    | 'records'
    | 'partitions';
  /** One value for each round. */
  readonly samples: readonly number[];
  /** What the same machine does at best, measured in the same run, in the same unit. */
  readonly floor?: { readonly name: string; readonly value: number };
}

export interface Finding {
  readonly title: string;
  readonly figures: readonly Figure[];
}

export const figure = (name: string, unit: Figure['unit'], ...samples: readonly number[]): Figure => ({
  name,
  unit,
  samples,
});

/**
 * min and max are its bounds with the error of the sample: a slope whose bounds include 0 may be 0.
 * @param per how much of x the unit is for
 */
export function slopeFigure(
  name: string,
  unit: Figure['unit'],
  per: number,
  points: readonly (readonly [x: number, y: number])[],
): Figure {
  const { slope, error } = trendOf(points);
  return figure(
    `${name} (± 2 standard errors)`,
    unit,
    (slope - 2 * error) * per,
    slope * per,
    (slope + 2 * error) * per,
  );
}

export function reportAsText(findings: readonly Finding[]): string {
  return findings
    .map(
      ({ title, figures }) =>
        `\n${title}\n${table([['', 'min', 'median', 'max', '', 'of the floor'], ...figures.map(rowOf)])}`,
    )
    .join('');
}

function rowOf({ name, unit, samples, floor }: Figure): readonly string[] {
  const sorted = [...samples].sort((a, b) => a - b);
  const median = quantile(samples, 0.5);
  const against =
    floor === undefined ? '' : `${(median / floor.value).toFixed(2)} × ${short(floor.value)} (${floor.name})`;
  return sorted.length === 1
    ? [name, '', short(median), '', unit, against]
    : [name, short(sorted[0] ?? median), short(median), short(sorted.at(-1) ?? median), unit, against];
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
