import { notKnownBefore } from '../domain/baseline.js';
import type { CheckResult } from '../domain/events.js';
import { shortened } from '../domain/quoted.js';
import { artifactWarnings } from '../domain/artifacts.js';
import type { MissionReport, TaskReport } from '../domain/report.js';
import { taintsText } from '../domain/taint.js';
import { budgetText, budgetUsesText } from './budget-text.js';
import { plannerPriceText } from './planner-price-text.js';
import { measuredDuration, shownUsd } from './durations.js';
import { paint, segment, type Line, type Segment } from './paint.js';
import { checksPassed, failedCheck, isNarrow, statusMark, taskLabel } from './progress-frame.js';
import { chosenPlaybook } from './plan-text.js';
import { pauseText, waitsText } from './pause-text.js';
import { plannerWaitText } from './planner-wait-text.js';
import { oneLine, padToWidth, textWidth, wrapWords } from './text-width.js';
import { detailOf } from './without-worker-text.js';

/** Wider than any line: a report is not cut, the terminal or the reader wraps it. */
const UNCUT = 10_000;

export interface ReportTextOptions {
  readonly colors: boolean;
  /** Of the terminal; null: lines may be of any length. */
  readonly columns: number | null;
  /** ms since the epoch. */
  readonly nowMs: number;
  /** The command line of these words for another terminal; null when no other process can read the mission's log. */
  readonly command: ((words: string) => string) | null;
}

/** The mission's report for people, as it is at a time; lines end in line breaks. */
export function reportText(report: MissionReport, options: ReportTextOptions): string {
  const { colors, columns, nowMs, command } = options;
  const lines = [
    headline(report),
    ...(columns !== null && isNarrow(columns) ? narrowTaskLines(report, nowMs, columns) : taskLines(report, nowMs)),
    ...successLines(report.success),
    ...endLines(report),
    ...failureLines(report, command),
  ];
  return lines.map((line) => `${paint(line, UNCUT, colors).text}\n`).join('');
}

function headline(report: MissionReport): Line {
  const tone = report.status === 'completed' ? 'green' : report.status === 'failed' ? 'red' : 'yellow';
  return [
    segment(`${oneLine(report.name)} `, 'bold'),
    segment(report.status.replaceAll('_', ' '), tone),
    segment(proofText(report)),
    segment(`  ${report.mission_id}`, 'dim'),
  ];
}

/** Such as "; 2 of 3 tasks verified, 1 held before", of a mission that has ended. */
function proofText({ ended_at, proof }: MissionReport): string {
  if (ended_at === null || proof.tasks === 0) return '';
  const before = proof.held_before === 0 ? '' : `, ${proof.held_before} held before`;
  const unknown = proof.not_known === 0 ? '' : `, ${proof.not_known} not known before`;
  return `; ${proof.verified} of ${proof.tasks} task${proof.tasks === 1 ? '' : 's'} verified${before}${unknown}`;
}

function taskLines(report: MissionReport, nowMs: number): readonly Line[] {
  const nameWidth = Math.max(0, ...report.tasks.map((task) => textWidth(taskLabel(task))));
  return report.tasks.map((task, index) => {
    const { mark, tone } = statusMark(task.status);
    const wave = report.tasks[index - 1]?.wave === task.wave ? '' : `wave ${task.wave}`;
    const facts = factsText(report, task, nowMs);
    return [
      segment(` ${padToWidth(wave, 8)}`, 'dim'),
      segment(`${mark} `, tone),
      segment(`${padToWidth(taskLabel(task), nameWidth)}  `),
      segment(padToWidth(task.status, 10), tone),
      segment(`  ${facts}`, 'dim'),
    ];
  });
}

/** The facts are below the task, broken between words. */
function narrowTaskLines(report: MissionReport, nowMs: number, columns: number): readonly Line[] {
  return report.tasks.flatMap((task, index) => {
    const { mark, tone } = statusMark(task.status);
    const wave = report.tasks[index - 1]?.wave === task.wave ? '' : String(task.wave);
    const facts = wrapWords(factsText(report, task, nowMs), columns - FACTS_INDENT);
    return [
      [segment(padToWidth(wave, 3), 'dim'), segment(`${mark} `, tone), segment(`${taskLabel(task)} `)].concat(
        segment(task.status, tone),
      ),
      ...facts.map((text) => [segment(`${' '.repeat(FACTS_INDENT)}${text}`, 'dim')]),
    ];
  });
}

const FACTS_INDENT = 5;

function factsText(report: MissionReport, task: TaskReport, nowMs: number): string {
  return taskFacts(report, task, nowMs)
    .filter((fact) => fact !== '')
    .map(oneLine)
    .join(', ');
}

function taskFacts(report: MissionReport, task: TaskReport, nowMs: number): readonly string[] {
  const steps = task.steps === 0 ? '' : `${task.steps} step${task.steps === 1 ? '' : 's'}`;
  const attempts = task.attempts > 1 ? `${task.attempts} attempts` : '';
  if (task.status === 'waiting') return [attempts, detailOf(task, nowMs)];
  if (task.status === 'running' || task.status === 'paused')
    return [steps, attempts, detailOf(task, nowMs), sandboxOf(task), taintedOf(task)];
  const hasRun = task.steps > 0 || task.checks.length > 0;
  const ended = task.status !== 'cancelled' || task.checks.length > 0;
  const said = [
    ended ? checksPassed(task) : '', // cancelled: they had no turn
    proofOfTask(task),
    task.model,
    chosenPlaybook(task),
    sandboxOf(task),
    taintedOf(task),
  ];
  const measured = [measuredDuration(task.duration_ms), steps, ...said];
  const isBad = task.status === 'failed' || task.status === 'cancelled';
  return [...(hasRun ? measured : []), attempts, isBad ? shownFailure(report, task) : ''];
}

const sandboxOf = ({ sandbox_off }: TaskReport): string => (sandbox_off ? 'sandbox off' : '');

/** What strangers may have had a say in. */
const taintedOf = ({ tainted_by }: TaskReport): string =>
  tainted_by.length === 0 ? '' : `tainted by ${taintsText(tainted_by)}`;

/** What its passed checks are worth, where that is less than a reader would think. */
function proofOfTask({ status, checks, held_before, carried }: TaskReport): string {
  if (carried && status === 'verified') return 'verified before, checked again';
  if (held_before) return 'held before';
  const isDone = status === 'verified' || status === 'unverified';
  if (status === 'verified' && notKnownBefore(checks)) return 'not known whether its checks passed before';
  const vacuous = checks.filter((check) => check.baseline === 'vacuous').length;
  if (!isDone || vacuous === 0) return '';
  return vacuous === checks.length
    ? 'its checks prove nothing'
    : `${vacuous} of its checks prove${vacuous === 1 ? 's' : ''} nothing`;
}

/** A report has the long text once: in its reason when that holds it, else with the task. */
function shownFailure(report: MissionReport, task: TaskReport): string {
  const said = report.reason?.includes(task.detail) === true;
  const check = failedCheck(task);
  return said || task.detail === '' ? check : [check, task.detail].filter((part) => part !== '').join(' ');
}

function successLines(checks: readonly CheckResult[]): readonly Line[] {
  return checks.map((check) => [
    segment(' success '),
    segment(check.exit_code === 0 ? '✓ ' : '✗ ', check.exit_code === 0 ? 'green' : 'red'),
    segment(oneLine(check.name)),
    successNote(check),
  ]);
}

function successNote({ exit_code, command, baseline }: CheckResult): Segment {
  if (exit_code !== 0) return segment(` (exit ${exit_code}: ${oneLine(command)})`, 'red');
  return segment(baseline === 'vacuous' ? ` (always passes: ${oneLine(command)})` : '', 'yellow');
}

function endLines(report: MissionReport): readonly Line[] {
  const facts = [
    report.ended_at === null
      ? ''
      : `took ${measuredDuration(Date.parse(report.ended_at) - Date.parse(report.started_at))}`,
    `${report.tokens} tokens`,
    shownUsd(report.cost_usd),
    budgetFact(report),
  ].filter((fact) => fact !== '');
  return [
    ...(report.pause === null ? [] : [[segment(pauseText(report.pause), 'yellow')]]),
    ...(report.waits_for === null ? [] : [[segment(waitsText(report.waits_for), 'yellow')]]),
    ...(report.planner_wait === null ? [] : [[segment(plannerWaitText(report.planner_wait), 'yellow')]]),
    ...(report.reason === null
      ? []
      : [[segment('reason: '), segment(oneLine(report.reason), report.status === 'failed' ? 'red' : 'yellow')]]),
    [segment(facts.join(', '))],
    ...(report.budget_used.length === 0 ? [] : [[segment(budgetUsesText(report), 'yellow')]]),
    ...plannerPriceLines(report),
    ...requestLines(report),
    ...inputLines(report),
    ...sandboxLines(report),
    ...snapshotLines(report),
    ...artifactLines(report),
    ...linkLines(report),
    ...(report.workspace === null ? [] : [[segment(`workspace: ${report.workspace}`)]]),
  ];
}

const plannerPriceLines = (report: MissionReport): Line[] => {
  const text = plannerPriceText(report);
  return text === '' ? [] : [[segment(text)]];
};

const budgetFact = ({ budget }: MissionReport): string => {
  const limits = budgetText(budget);
  return limits === '' ? '' : `budget ${limits}`;
};

const SHOWN_INPUT = 60;

const inputLines = ({ inputs }: MissionReport): Line[] => {
  const shown = inputs.map(({ name, value }) => `${name}=${oneLine(shortened(value, SHOWN_INPUT))}`);
  return shown.length === 0 ? [] : [[segment(`inputs: ${shown.join(', ')}`)]];
};

/** The missions before and after it in its workspace. */
const linkLines = ({ continues, continued_by }: MissionReport): Line[] => [
  ...(continues === null ? [] : [[segment(`continues: ${continues}`)]]),
  ...(continued_by.length === 0 ? [] : [[segment(`continued by: ${continued_by.join(', ')}`)]]),
];

/** Who has signed the mission, and what was asked about it that does not count. */
function requestLines({ signed_by, void_requests }: MissionReport): Line[] {
  return [
    ...(signed_by === null ? [] : [[segment(`signed by: ${signed_by.name}, key ${signed_by.key_id}`)]]),
    ...void_requests.map(({ type, requested_by, code, at }) => [
      segment('does not count: ', 'yellow'),
      segment(`${type} by ${oneLine(requested_by)} at ${at}: ${code}`),
    ]),
  ];
}

/** What no reader must miss: nothing confined the commands. */
function sandboxLines({ sandbox_off, tasks }: MissionReport): Line[] {
  if (!sandbox_off) return [];
  const off = tasks.filter((task) => task.sandbox_off).length;
  return [
    [
      segment('sandbox: off', 'red'),
      segment(`; the commands of ${off} of ${tasks.length} task${tasks.length === 1 ? '' : 's'} ran without one`),
    ],
  ];
}

/** What diff and restore will not have. */
const snapshotLines = ({ missed_snapshots }: MissionReport): Line[] =>
  missed_snapshots.map(({ wave, reason }) => [
    segment(`no snapshot of all that wave ${wave} has done: `, 'yellow'),
    segment(oneLine(reason)),
  ]);

/** More of them are counted. */
const MOST_ARTIFACTS = 20;

/** The files that tasks have left, and what their patterns have not found. */
function artifactLines({ mission_id, tasks }: MissionReport): Line[] {
  const listed = tasks.flatMap((task) => (task.artifacts === null ? [] : [{ task, ...task.artifacts }]));
  const files = listed.flatMap(({ task, files: own }) => own.map((file) => ({ task, ...file })));
  const shown = files.slice(0, MOST_ARTIFACTS);
  const warnings = artifactWarnings(tasks);
  return [
    ...shown.map(({ task, path, bytes, digest }) => [
      segment('artifact: '),
      segment(oneLine(path)),
      segment(`  ${bytes} byte${bytes === 1 ? '' : 's'}, sha256 ${digest}  ${task.task_id}`, 'dim'),
    ]),
    ...(files.length > shown.length
      ? [[segment(`and ${files.length - shown.length} more: ravenhelm artifacts ${mission_id}`)]]
      : []),
    ...warnings.map((warning) => [segment('artifacts: ', 'yellow'), segment(oneLine(warning))]),
  ];
}

/** How to see the step that failed. */
function failureLines({ status, mission_id, tasks }: MissionReport, command: ReportTextOptions['command']): Line[] {
  const failed = tasks.findLast((task) => task.status === 'failed' && task.attempts > 0);
  if (status !== 'failed' || failed === undefined || command === null) return [];
  const step = failed.steps > 0 ? ` --step ${failed.steps}` : '';
  return [
    [segment(`what failed: ${command(`show ${mission_id} ${failed.task_id} --attempt ${failed.attempts}${step}`)}`)],
  ];
}
