import type { StatusReport } from '../client/ask-processes.js';
import { dayOf } from '../domain/daily-spending.js';
import { oneLine } from './text-width.js';

type Reports = readonly Pick<StatusReport, 'worker_id' | 'spent' | 'cap_reached'>[];

/** Lines on what the orchestrators' missions have spent today (UTC), and on the daily cap where it is reached. */
export function spendingLines(reports: Reports, nowMs: number): readonly string[] {
  const today = dayOf(nowMs);
  // While a partition moves, two orchestrators may report it.
  const spent = new Map(
    reports.flatMap((report) => report.spent.filter(({ day }) => day === today)).map((each) => [each.partition, each]),
  );
  const sum = (of: 'usd' | 'tokens') => [...spent.values()].reduce((total, each) => total + each[of], 0);
  return [
    ...(spent.size === 0 ? [] : [`spent  $${sum('usd').toFixed(2)}, ${sum('tokens')} tokens on ${today} (UTC)`]),
    ...reports.flatMap(({ worker_id, cap_reached: cap }) =>
      cap === null ? [] : [oneLine(`CAP  ${worker_id}: ${cap}; missions wait until the next day`)],
    ),
  ];
}
