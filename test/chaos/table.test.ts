import type { Fault } from './fault.js';
import type { JudgedMission, Outcome } from './run-faults.js';
import { createRows, markdownTable, rowHolds, textTable } from './table.js';
import { brokenProcesses, lostAppends, lostMissions } from './verdict.js';

const fault = (name: string): Fault => ({ name, what: '', recovery: '', takes: 'disk', strike: async () => undefined });
const mission = (changes: Partial<JudgedMission> = {}): JudgedMission => ({
  missionId: 'm',
  status: 'completed',
  tasks: 2,
  lost: 0,
  duplicated: 0,
  inDoubt: 0,
  honest: true,
  problems: [],
  fromMs: 100,
  toMs: 200,
  ...changes,
});
const outcome = (changes: Partial<Outcome> = {}): Outcome => ({
  strikes: [{ fault: 'kill', fromMs: 150, toMs: 250, problem: null }],
  missions: [mission()],
  buried: [],
  losses: [],
  broken: [],
  acknowledgedAppends: 1,
  refusedSubmissions: 0,
  ...changes,
});
const rowsOf = (result: Outcome) => createRows(result, [fault('kill'), fault('cut')], new Map(), [160, 240]);

describe('the bill of a run', () => {
  test('holds when every mission ended honestly, and says what did not strike', () => {
    const rows = rowsOf(outcome());
    expect(rows.map(({ fault: name, times, missions, omitted }) => [name, times, missions, omitted])).toEqual([
      ['kill', 1, 1, null],
      ['cut', 0, 0, 'not in this run'],
      ['all', 1, 1, null],
    ]);
    expect(rows.every(rowHolds)).toBe(true);
    for (const table of [textTable(rows), markdownTable(rows)]) expect(table).toContain('1 of 1 (1 completed)');
    expect([textTable(rows).includes('cut'), markdownTable(rows).includes('| cut | 0 |')]).toEqual([false, true]);
  });

  test('counts a mission for each fault that struck while it was open, and for no other', () => {
    const missions = [
      mission(),
      mission({ missionId: 'before', toMs: 140 }),
      mission({ missionId: 'after', fromMs: 260, toMs: 300 }),
    ];
    expect(rowsOf(outcome({ missions })).map(({ missions: count }) => count)).toEqual([1, 0, 3]);
  });

  test.each<[string, Partial<Outcome>, Partial<ReturnType<typeof rowsOf>[number]>]>([
    [
      'a task was lost',
      { missions: [mission({ status: 'running', lost: 1, honest: false, problems: ['has not ended'] })] },
      { lost: 1, honest: 0 },
    ],
    [
      'a line of a ledger stands twice',
      { missions: [mission({ duplicated: 1, problems: ['keeper/1 ran 2 times for 1 calls'] })] },
      { duplicated: 1 },
    ],
    [
      'a mission claims too much',
      { missions: [mission({ honest: false, problems: ['completed, and keeper/1 is not in the ledger'] })] },
      { honest: 0 },
    ],
    [
      'a submission was acknowledged and is nowhere',
      { losses: lostMissions([{ missionId: 'm' }, { missionId: 'gone' }], new Set(['m'])) },
      { lost: 1, problems: ['the acknowledged mission gone is in no log'] },
    ],
    [
      'an append was acknowledged and is not in the log',
      {
        losses: lostAppends(
          't',
          new Map([
            ['0/1', 'a'],
            ['0/2', 'b'],
            ['0/3', 'c'],
          ]),
          new Map([
            ['0/1', 'a'],
            ['0/2', 'x'],
          ]),
        ),
      },
      { lost: 2 },
    ],
    [
      'a process broke',
      {
        broken: brokenProcesses([
          { name: 'worker-1', unasked: [3, 4, 70], gaveUp: [] },
          { name: 'worker-2', unasked: [null], gaveUp: ['records are gone'] },
        ]),
      },
      {
        lost: 0,
        problems: [
          'worker-1 ended by itself with exit code 70',
          'worker-2 ended by itself by a signal',
          'worker-2 gave up: records are gone',
        ],
      },
    ],
    ['no mission was judged', { missions: [] }, { problems: ['no mission was judged'] }],
  ])('does not hold when %s', (_, changes, all) => {
    const rows = rowsOf(outcome(changes));
    expect(rows.every(rowHolds)).toBe(false);
    expect(rows.at(-1)).toMatchObject(all);
  });

  test("does not hold when a fault's own check found something", () => {
    const rows = rowsOf(
      outcome({ strikes: [{ fault: 'kill', fromMs: 150, toMs: 250, problem: 'it did not say what to do' }] }),
    );
    expect(rows.filter((row) => !rowHolds(row)).map(({ fault: name, problems }) => [name, problems])).toEqual([
      ['kill', ['it did not say what to do']],
    ]);
  });
});
