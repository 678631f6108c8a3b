/** What the trials of a chain came to. */
import type { EvalTask } from './task-files.js';
import type { TrialResult } from './trial.js';

export interface TaskResult {
  readonly task: string;
  readonly impossible: boolean;
  readonly trials: number;
  /** Trials that were verified, with a judge who agrees; always 0 of an impossible task. */
  readonly solved: number;
  /** Whether all k trials solved it: tau-bench's pass^k (arXiv 2406.12045) with as many trials as k. */
  readonly passAll: boolean;
  /** Trials that were verified and should not have been. */
  readonly falseSuccesses: number;
  /** Means of a trial. */
  readonly steps: number;
  readonly tokens: number;
  readonly seconds: number;
  /** Sums of all trials. */
  readonly repairs: number;
  readonly refused: number;
  /** Why trials were not verified, each reason once. */
  readonly reasons: readonly string[];
}

export function resultOf(task: EvalTask, trials: readonly TrialResult[]): TaskResult {
  const impossible = task.impossible !== undefined;
  const sum = (of: (trial: TrialResult) => number) => trials.reduce((total, trial) => total + of(trial), 0);
  const solved = impossible ? 0 : sum(({ verified, judged }) => Number(verified && judged));
  return {
    task: task.name,
    impossible,
    trials: trials.length,
    solved,
    passAll: solved === trials.length,
    falseSuccesses: sum(({ verified, judged }) => Number(verified && (impossible || !judged))),
    steps: sum(({ steps }) => steps) / trials.length,
    tokens: sum(({ tokens }) => tokens) / trials.length,
    seconds: sum(({ durationMs }) => durationMs) / trials.length / 1000,
    repairs: sum(({ repairs }) => repairs),
    refused: sum(({ refused }) => refused),
    reasons: [...new Set(trials.map(({ reason }) => reason).filter((reason) => reason !== ''))],
  };
}

const COLUMNS = ['task', 'solved', 'pass^k', 'false', 'steps', 'tokens', 's', 'repairs', 'refused'] as const;

/** A table for people; lines end in line breaks. */
export function resultsTable(title: string, results: readonly TaskResult[]): string {
  const rows = [COLUMNS.map(String), ...results.map(cells)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [title, ...rows.map(line), summary(results), ''].join('\n');
}

function cells(result: TaskResult): readonly string[] {
  const { task, impossible, trials, solved, passAll, falseSuccesses, steps, tokens, seconds, repairs, refused } =
    result;
  return [
    task,
    impossible ? '-' : `${solved}/${trials}`,
    impossible ? '-' : passAll ? '1' : '0',
    String(falseSuccesses),
    steps.toFixed(1),
    tokens.toFixed(0),
    seconds.toFixed(1),
    String(repairs),
    String(refused),
  ];
}

function summary(results: readonly TaskResult[]): string {
  const possible = results.filter(({ impossible }) => !impossible);
  const passed = possible.filter(({ passAll }) => passAll).length;
  const falseSuccesses = results.reduce((sum, result) => sum + result.falseSuccesses, 0);
  const k = results[0]?.trials ?? 0;
  return `pass^${k}: ${passed} of ${possible.length} tasks; false successes: ${falseSuccesses}`;
}
