import type { MissionReport, TaskReport, TaskStatus } from '../domain/report.js';
import { budgetUsesText } from './budget-text.js';
import { shortDuration, shownUsd } from './durations.js';
import { segment, type Line, type Tone } from './paint.js';
import { chosenPlaybook } from './plan-text.js';
import { pauseText, waitsText } from './pause-text.js';
import { plannerWaitText } from './planner-wait-text.js';
import { cutToWidth, oneLine, padToWidth, textWidth } from './text-width.js';
import { detailOf } from './without-worker-text.js';

export interface FrameTimes {
  /** Of the terminal. On few of them a line has no words that its mark says, too. */
  readonly columns: number;
  /** Since the mission began, in milliseconds. */
  readonly elapsedMs: number;
  /** The time, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** For how long a running task has been seen running, in milliseconds. */
  runningMs(taskId: string): number;
}

const MARKS: Readonly<Record<TaskStatus, { readonly mark: string; readonly tone: Tone }>> = {
  waiting: { mark: '·', tone: 'dim' },
  running: { mark: '●', tone: 'cyan' },
  paused: { mark: '?', tone: 'yellow' },
  verified: { mark: '✓', tone: 'green' },
  unverified: { mark: '○', tone: 'yellow' },
  failed: { mark: '✗', tone: 'red' },
  cancelled: { mark: '−', tone: 'yellow' },
};

/** On fewer columns lines are written for a narrow terminal. */
const NARROW_COLUMNS = 60;

export const isNarrow = (columns: number | null): boolean => columns !== null && columns < NARROW_COLUMNS;

/** The mission on one line, or two on a narrow terminal, and one line a task by wave. */
export function progressFrame(report: MissionReport, times: FrameTimes): readonly Line[] {
  const nameWidth = Math.max(0, ...report.tasks.map((task) => textWidth(taskLabel(task))));
  const lines = report.tasks.map((task, index) => {
    const firstOfWave = index === 0 || report.tasks[index - 1]?.wave !== task.wave;
    if (isNarrow(times.columns)) return narrowTaskLine(task, firstOfWave, nameWidth, times);
    return taskLine(task, firstOfWave, nameWidth, times);
  });
  return [...missionLines(report, times), ...lines];
}

/** The task's name without what its line says anyway: cert_agent for deploy-cert_agent-wave1. */
export function taskLabel(task: TaskReport): string {
  const withoutWave = task.task_id.replace(new RegExp(`-wave${task.wave}(?=$|-)`), '');
  return oneLine(withoutWave.replace(/^deploy-/, ''));
}

export function statusMark(status: TaskStatus): { readonly mark: string; readonly tone: Tone } {
  return MARKS[status];
}

function missionLines(report: MissionReport, times: FrameTimes): readonly Line[] {
  const ended = report.tasks.filter((task) => task.status === 'verified' || task.status === 'unverified').length;
  const parts = [
    report.tasks.length === 0 ? '' : `${ended}/${report.tasks.length} tasks`,
    shortDuration(times.elapsedMs),
    report.tokens === 0 ? '' : `${report.tokens} tokens`,
    report.cost_usd === 0 ? '' : shownUsd(report.cost_usd),
    budgetUsesText(report),
    report.pause === null ? '' : pauseText(report.pause),
    report.waits_for === null ? '' : waitsText(report.waits_for),
    report.planner_wait === null ? '' : plannerWaitText(report.planner_wait),
    report.sandbox_off ? 'sandbox off' : '',
  ].filter((part) => part !== '');
  const head = [
    segment(oneLine(report.name), 'bold'),
    segment(` ${report.status.replaceAll('_', ' ')}`, missionTone(report)),
  ];
  // The id was written before.
  if (isNarrow(times.columns)) return [head, [segment(` ${parts.join('  ')}`)]];
  return [[...head, segment(`  ${parts.join('  ')}`), segment(`  ${report.mission_id}`, 'dim')]];
}

function missionTone(report: MissionReport): Tone {
  switch (report.status) {
    case 'completed':
      return 'green';
    case 'failed':
      return 'red';
    case 'cancelled':
    case 'waiting_for_approval':
    case 'needs_attention':
    case 'paused':
      return 'yellow';
    default:
      return 'cyan';
  }
}

function taskLine(task: TaskReport, firstOfWave: boolean, nameWidth: number, times: FrameTimes): Line {
  const { mark, tone } = MARKS[task.status];
  const wave = firstOfWave ? `wave ${task.wave}` : '';
  return [
    segment(` ${padToWidth(wave, 8)}`, 'dim'),
    segment(`${mark} `, tone),
    segment(`${padToWidth(taskLabel(task), nameWidth)}  `),
    segment(padToWidth(task.status, 10), tone),
    segment(`  ${describeTask(task, times)}`, detailTone(task)),
  ];
}

/** The mark is the status. The name takes at most half of the line. */
function narrowTaskLine(task: TaskReport, firstOfWave: boolean, nameWidth: number, times: FrameTimes): Line {
  const { mark, tone } = MARKS[task.status];
  const width = Math.min(nameWidth, Math.floor(times.columns / 2));
  return [
    segment(padToWidth(firstOfWave ? String(task.wave) : '', 3), 'dim'),
    segment(`${mark} `, tone),
    segment(`${padToWidth(cutToWidth(taskLabel(task), width), width)} `),
    segment(describeTask(task, times), detailTone(task)),
  ];
}

function detailTone(task: TaskReport): Tone {
  if (task.unserved_since !== null) return 'yellow';
  if (task.status === 'paused') return 'yellow';
  return task.status === 'failed' ? 'red' : 'dim';
}

function describeTask(task: TaskReport, times: FrameTimes): string {
  const again = task.attempts > 1 ? `attempt ${task.attempts}` : '';
  const tainted = task.tainted_by.length > 0 ? 'tainted' : '';
  return [again, ...taskDetails(task, times), tainted]
    .filter((part) => part !== '')
    .map(oneLine)
    .join('  ');
}

function taskDetails(task: TaskReport, times: FrameTimes): readonly string[] {
  switch (task.status) {
    case 'running':
      return [shortDuration(times.runningMs(task.task_id)), detailOf(task, times.nowMs), chosenPlaybook(task)];
    case 'verified':
    case 'unverified':
      return [
        shortDuration(task.duration_ms),
        `${task.steps} step${task.steps === 1 ? '' : 's'}`,
        checksPassed(task),
        task.model,
        chosenPlaybook(task),
      ];
    case 'failed':
      return [failedCheck(task) || task.detail];
    case 'paused':
    case 'cancelled':
    case 'waiting':
      return [detailOf(task, times.nowMs)];
  }
}

/** The check that failed, on few columns; empty when none did. */
export function failedCheck(task: TaskReport): string {
  const failed = task.checks.find((check) => check.exit_code !== 0);
  return failed === undefined ? '' : `✗ ${failed.name}: exit ${failed.exit_code}`;
}

/** Such as 1/2 checks. */
export function checksPassed(task: TaskReport): string {
  const passed = task.checks.filter((check) => check.exit_code === 0).length;
  return task.checks.length === 0 ? 'no checks' : `${passed}/${task.checks.length} checks`;
}
