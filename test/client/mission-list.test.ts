/** Which missions a list shows, and that its pages stay as they are while missions are added. */
import { pageOf, type MissionFilter } from '../../src/client/mission-list.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import type { MissionReport } from '../../src/domain/report.js';
import { beforeArgument, sinceArgument, statusesArgument } from '../../src/cli/list-arguments.js';
import { report } from '../cli/support/samples.js';

const START = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
const ALL: MissionFilter = { statuses: null, name: null, sinceMs: null, keepOpen: false, before: null, limit: null };

/** Submitted so many hours after the start. */
function mission(hour: number, fields: Partial<MissionReport> = {}): MissionReport {
  const nowMs = START + hour * HOUR;
  const mission_id = createMissionId({ nowMs, partition: hour % 3, random: () => 0.5 });
  return report([], { mission_id, started_at: new Date(nowMs).toISOString(), status: 'completed', ...fields });
}
const names = (filter: Partial<MissionFilter>, reports: readonly MissionReport[]) =>
  pageOf(reports, { ...ALL, ...filter }).missions.map(({ name }) => name);

describe('a list shows', () => {
  const reports = [
    mission(0, { name: 'old', status: 'running' }),
    mission(1, { name: 'nightly-a' }),
    mission(2, { name: 'nightly-b', status: 'failed' }),
    mission(3, { name: 'a.b', status: 'cancelled' }),
  ];

  test.each<[string, Partial<MissionFilter>, readonly string[]]>([
    ['everything without a filter', {}, ['old', 'nightly-a', 'nightly-b', 'a.b']],
    ['those of a status', { statuses: new Set(['failed', 'cancelled'] as const) }, ['nightly-b', 'a.b']],
    ['those of a name', { name: 'nightly-a' }, ['nightly-a']],
    ['those whose name fits', { name: 'nightly-*' }, ['nightly-a', 'nightly-b']],
    ['no others where a name has signs of expressions', { name: 'a.b' }, ['a.b']],
    ['no name that only begins so', { name: 'nightly' }, []],
    ['those since a time, that time included', { sinceMs: START + 2 * HOUR }, ['nightly-b', 'a.b']],
    ['open ones, too', { sinceMs: START + 2 * HOUR, keepOpen: true }, ['old', 'nightly-b', 'a.b']],
    ['the newest', { limit: 2 }, ['nightly-b', 'a.b']],
    ['those before a day', { before: '20261124' }, ['old', 'nightly-a', 'nightly-b', 'a.b']],
  ])('%s', (_, filter, shown) => expect(names(filter, reports)).toEqual(shown));

  test('one filter within the other, and says how many fit', () => {
    const page = pageOf(reports, { ...ALL, statuses: new Set(['completed', 'failed'] as const), limit: 1 });
    expect([page.missions.map(({ name }) => name), page.fitting]).toEqual([['nightly-b'], 2]);
  });
});

test('the pages of a list have each mission once, while newer ones are submitted between them', () => {
  const reports = Array.from({ length: 10 }, (_, hour) => mission(hour, { name: `m${hour}` }));
  const pages: string[][] = [];
  let before: string | null = null;
  do {
    const page = pageOf(reports, { ...ALL, limit: 4, before });
    pages.push(page.missions.map(({ name }) => name));
    before = page.next;
    reports.push(mission(20 + pages.length, { name: 'newer' }));
  } while (before !== null);
  expect(pages).toEqual([
    ['m6', 'm7', 'm8', 'm9'],
    ['m2', 'm3', 'm4', 'm5'],
    ['m0', 'm1'],
  ]);
});

test('a last page that is full names no further one', () => {
  expect(pageOf([mission(1), mission(2)], { ...ALL, limit: 2 }).next).toBeNull();
});

describe('the arguments of a list', () => {
  test('are statuses with commas, in any writing, and open and ended for several', () => {
    expect(statusesArgument('failed,needs-attention')).toEqual(['failed', 'needs_attention']);
    expect(statusesArgument('open', ['failed'])).toEqual([
      ...['failed', 'planning', 'waiting_for_approval', 'running', 'needs_attention', 'paused'],
    ]);
    expect(() => statusesArgument('done')).toThrow('"done" is no status. Use planning, ');
  });

  test('are an age, a day, a time with its zone, or all', () => {
    expect(sinceArgument('12h')).toEqual({ kind: 'age', ageMs: 12 * HOUR });
    expect(sinceArgument('2026-11-23')).toEqual({ kind: 'time', timeMs: Date.UTC(2026, 10, 23) });
    expect(sinceArgument('2026-11-23T13:00:00+01:00')).toEqual({ kind: 'time', timeMs: START });
    expect(sinceArgument('all')).toEqual({ kind: 'all' });
    for (const wrong of ['yesterday', '2026-11-23T13:00', '2026-13-01', '1.5h', ''])
      expect(() => sinceArgument(wrong)).toThrow('It must be an age such as 90m');
  });

  test('are an id or its beginning for the next page', () => {
    expect(beforeArgument('20261123-141502-417-p05-x7k2')).toBe('20261123-141502-417-p05-x7k2');
    for (const wrong of ['hello', '2026', '20261123 ']) expect(() => beforeArgument(wrong)).toThrow(/mission's id/);
  });
});
