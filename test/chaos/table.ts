/** The bill: a row for each fault, as text, markdown and data. */
import type { Fault } from './fault.js';
import type { Outcome, JudgedMission, Strike } from './run-faults.js';
import { longestStall } from './verdict.js';

export interface Row {
  readonly fault: string;
  readonly times: number;
  readonly missions: number;
  readonly tasks: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly inDoubt: number;
  readonly longestStallMs: number;
  readonly honest: number;
  readonly completed: number;
  readonly problems: readonly string[];
  /** Why it did not strike; null when it did. */
  readonly omitted: string | null;
}

const NOT_IN_THIS_RUN = 'not in this run';

export const rowHolds = (row: Row): boolean =>
  row.lost === 0 && row.duplicated === 0 && row.honest === row.missions && row.problems.length === 0;

/** A mission counts in the row of each fault that struck while it was open; in the last row each counts once. */
export function createRows(
  outcome: Outcome,
  faults: readonly Fault[],
  omitted: ReadonlyMap<string, string>,
  progress: readonly number[],
): readonly Row[] {
  const rows = faults.map((fault) => {
    const strikes = outcome.strikes.filter((strike) => strike.fault === fault.name);
    const missions = outcome.missions.filter((mission) =>
      strikes.some((strike) => mission.fromMs < strike.toMs && mission.toMs > strike.fromMs),
    );
    const problems = strikes.flatMap(({ problem }) => problem ?? []);
    return rowOf(
      fault.name,
      strikes,
      missions,
      problems,
      progress,
      omitted.get(fault.name) ?? (strikes.length === 0 ? NOT_IN_THIS_RUN : null),
    );
  });
  const all = {
    fault: '',
    fromMs: Math.min(...outcome.missions.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...outcome.missions.map(({ toMs }) => toMs)),
    problem: null,
  };
  const { losses, broken } = outcome;
  const unproven = outcome.missions.length === 0 ? ['no mission was judged'] : [];
  const total = rowOf('all', [all], outcome.missions, [...losses, ...broken, ...unproven], progress, null);
  return [...rows, { ...total, times: outcome.strikes.length, lost: total.lost + losses.length }];
}

function rowOf(
  fault: string,
  strikes: readonly Strike[],
  missions: readonly JudgedMission[],
  problems: readonly string[],
  progress: readonly number[],
  omitted: string | null,
): Row {
  const sum = (count: (mission: JudgedMission) => number) =>
    missions.reduce((total, mission) => total + count(mission), 0);
  return {
    fault,
    omitted,
    times: strikes.length,
    missions: missions.length,
    tasks: sum(({ tasks }) => tasks),
    lost: sum(({ lost }) => lost),
    duplicated: sum(({ duplicated }) => duplicated),
    inDoubt: sum(({ inDoubt }) => inDoubt),
    longestStallMs: Math.max(0, ...strikes.map(({ fromMs, toMs }) => longestStall(progress, missions, fromMs, toMs))),
    honest: missions.filter(({ honest }) => honest).length,
    completed: missions.filter(({ status }) => status === 'completed').length,
    problems: [
      ...problems,
      ...missions.flatMap((mission) => mission.problems.map((problem) => `${mission.missionId}: ${problem}`)),
    ],
  };
}

const HEADINGS = [
  'fault',
  'times',
  'missions',
  'tasks',
  'lost',
  'duplicated',
  'in doubt, surfaced',
  'longest stall',
  'ended honestly',
];

function cells(row: Row): readonly string[] {
  if (row.omitted !== null) return [row.fault, '0', '', '', '', '', '', '', row.omitted];
  return [
    row.fault,
    String(row.times),
    String(row.missions),
    String(row.tasks),
    String(row.lost),
    String(row.duplicated),
    String(row.inDoubt),
    `${(row.longestStallMs / 1000).toFixed(1)} s`,
    `${row.honest} of ${row.missions} (${row.completed} completed)`,
  ];
}

/** What happened, and what was not possible here; faults whose turn did not come are left out. */
export function textTable(rows: readonly Row[]): string {
  const lines = [HEADINGS, ...rows.filter(({ omitted }) => omitted !== NOT_IN_THIS_RUN).map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownTable(rows: readonly Row[]): string {
  return [HEADINGS, HEADINGS.map(() => '---'), ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`).join('\n');
}
