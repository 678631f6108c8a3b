/** What the ledgers, the log and the processes' ends say, held against each other. */
import { EXIT } from '../../src/cli/exit-codes.js';
import type { MissionReport } from '../../src/domain/report.js';
import { KINDS, kindOf, stepsOf } from './agents.js';
import type { Member } from './fleet.js';
import type { SeenCall } from './observer.js';
import type { Accepted } from './workload.js';

/** One mission as the log and the ledger have it at the end. */
export interface MissionEvidence {
  readonly report: MissionReport;
  /** Marks in the ledger, one for each line. */
  readonly lines: readonly string[];
  /** Its calls that count, in log order. */
  readonly calls: readonly SeenCall[];
}

export interface MissionVerdict {
  readonly missionId: string;
  readonly status: MissionReport['status'];
  readonly tasks: number;
  /** Tasks without an end although nothing goes wrong any more. */
  readonly lost: number;
  /** Runs of a step that nothing announced. */
  readonly duplicated: number;
  /** Steps whose outcome another than the caller had to find out. */
  readonly inDoubt: number;
  readonly honest: boolean;
  /** What is wrong, in words. */
  readonly problems: readonly string[];
}

const ENDED: readonly string[] = ['completed', 'failed', 'cancelled'];

export function judgeMission(evidence: MissionEvidence): MissionVerdict {
  const { report, calls } = evidence;
  const ended = ENDED.includes(report.status);
  const unfinished = report.tasks.filter((task) => task.status === 'waiting' || task.status === 'running').length;
  const lost = ended ? 0 : Math.max(1, unfinished);
  const duplicates = duplicatesIn(evidence);
  const lies = ended ? liesIn(evidence) : [];
  return {
    missionId: report.mission_id,
    status: report.status,
    tasks: report.tasks.length,
    lost,
    duplicated: duplicates.length,
    inDoubt: calls.filter((call) => call.outcome?.byOther === true).length,
    honest: ended && lies.length === 0,
    problems: [...(ended ? [] : [`has not ended: ${report.status}, ${unfinished} tasks open`]), ...duplicates, ...lies],
  };
}

/**
 * A call record starts at most once, so a mark has no more lines than calls. A further call within an attempt is right
 * only for a step that may be repeated, and only after the one before it was interrupted.
 */
function duplicatesIn({ report, lines, calls }: MissionEvidence): string[] {
  const problems: string[] = [];
  for (const mark of new Set([...lines, ...calls.flatMap((call) => call.mark ?? [])])) {
    const written = lines.filter((line) => line === mark).length;
    const called = calls.filter((call) => call.mark === mark);
    for (let extra = called.length; extra < written; extra += 1)
      problems.push(`${mark} ran ${written} times for ${called.length} calls`);
    for (const [index, call] of called.entries()) {
      const before = called
        .slice(0, index)
        .findLast((each) => each.taskId === call.taskId && each.attempt === call.attempt);
      if (before !== undefined && !mayFollow(report, before))
        problems.push(
          `${mark} was called again in step ${call.step} of ${call.taskId} attempt ${call.attempt} after it ` +
            `ended with ${before.outcome?.kind ?? 'no outcome'}`,
        );
    }
  }
  return problems;
}

function mayFollow(report: MissionReport, before: SeenCall): boolean {
  const kind = kindOf(report.name);
  const step = kind === null ? undefined : stepsOf(kind).find(({ mark }) => mark === before.mark);
  const interrupted =
    before.outcome?.kind === 'unknown' ||
    before.outcome?.kind === 'aborted' ||
    before.outcome?.kind === 'error' ||
    before.outcome?.kind === 'refused';
  return interrupted && step?.repeatable === true;
}

function liesIn({ report, lines, calls }: MissionEvidence): string[] {
  const kind = kindOf(report.name);
  if (kind === null) return [`unknown mission name ${report.name}`];
  const problems: string[] = [];
  const status = report.status;
  if (!KINDS[kind].ends.some((end) => end === status)) problems.push(`a ${kind} mission must not end as ${status}`);
  if (status !== 'completed' && (report.reason ?? '') === '') problems.push(`${status} without a reason`);
  for (const call of calls) {
    if (call.mark !== null && call.outcome?.kind === 'ok' && !lines.includes(call.mark))
      problems.push(
        `step ${call.step} of ${call.taskId} is said to have succeeded, and ${call.mark} is not in the ledger`,
      );
  }
  if (status === 'completed') problems.push(...missingIn({ report, lines }, kind));
  return problems;
}

function missingIn({ report, lines }: Pick<MissionEvidence, 'report' | 'lines'>, kind: keyof typeof KINDS): string[] {
  const missing = stepsOf(kind)
    .filter(({ mark }) => !lines.includes(mark))
    .map(({ mark }) => `completed, and ${mark} is not in the ledger`);
  const unproven = report.tasks
    .filter((task) => task.status !== 'verified' || task.checks.some((check) => check.exit_code !== 0))
    .map((task) => `completed, and ${task.task_id} is ${task.status}`);
  const failedChecks =
    report.success.length === 0 || report.success.some((check) => check.exit_code !== 0)
      ? ['completed, and its success checks did not all pass']
      : [];
  return [...missing, ...unproven, ...failedChecks];
}

/** Missions whose submission was acknowledged and that no log knows, in words. */
export function lostMissions(
  accepted: readonly Pick<Accepted, 'missionId'>[],
  known: ReadonlySet<string>,
): readonly string[] {
  return accepted
    .filter(({ missionId }) => !known.has(missionId))
    .map(({ missionId }) => `the acknowledged mission ${missionId} is in no log`);
}

/**
 * Appends that were acknowledged and that the log does not hold in their place, in words.
 * @param acknowledged event ids by place, such as 3/4711
 * @param found what a reader found, likewise
 */
export function lostAppends(
  topic: string,
  acknowledged: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): readonly string[] {
  return [...acknowledged]
    .filter(([place, id]) => found.get(place) !== id)
    .map(
      ([place, id]) =>
        `${topic}/${place} was acknowledged for ${id}, and the log has ${found.get(place) ?? 'nothing'} there`,
    );
}

/**
 * Exit codes with which a role may end by itself: its supervisor restarts it, or a person gets the next step. `usage`
 * is that of a right that was withdrawn.
 */
const MAY_END_WITH: readonly (number | null)[] = [EXIT.unreachable, EXIT.roleFailed, EXIT.usage];

/**
 * Processes that ended unasked and not as a role may, in words: by an unhandled rejection, without memory, or because
 * something was lost that no restart brings back.
 */
export function brokenProcesses(members: readonly Pick<Member, 'name' | 'unasked' | 'gaveUp'>[]): readonly string[] {
  return members.flatMap(({ name, unasked, gaveUp }) => [
    ...unasked
      .filter((code) => !MAY_END_WITH.includes(code))
      .map((code) => `${name} ended by itself ${code === null ? 'by a signal' : `with exit code ${code}`}`),
    ...new Set(gaveUp.map((words) => `${name} gave up: ${words}`)),
  ]);
}

/** The longest time, in ms, within [from, to] in which a mission was open without progress. */
export function longestStall(
  progress: readonly number[],
  open: readonly { readonly fromMs: number; readonly toMs: number }[],
  fromMs: number,
  toMs: number,
): number {
  const moments = [fromMs, ...progress.filter((at) => at > fromMs && at < toMs), toMs].sort((a, b) => a - b);
  let longest = 0;
  for (const [index, end] of moments.entries()) {
    const begin = moments[index - 1];
    if (begin === undefined || end - begin <= longest) continue;
    for (const span of open) longest = Math.max(longest, Math.min(end, span.toMs) - Math.max(begin, span.fromMs));
  }
  return longest;
}
