/** A mission that continues an ended one in its workspace: what it takes over, and whether it may begin. Pure. */
import type { PayloadOf, Plan, PlanTask, PlanWave } from './events.js';
import { parseMissionId } from './mission-id.js';
import { changedInputs, type MissionInput } from './mission-inputs.js';
import { isOpen, planReasonOf, proposalOf, type CoordinationState, type Mission } from './mission-state.js';
import { endedWell, type MissionTask } from './mission-task-state.js';
import { REQUEST_WINDOW_MS } from './requests.js';
import { cutToBytes, SIZES } from './sizes.js';
import { inputBytes, inputsWithin, type TaskInput } from './task-inputs.js';

type MissionRequest = PayloadOf<'mission_requested'>;
export type Continuation = NonNullable<MissionRequest['continues']>;
export type ContinuedTask = Continuation['tasks'][number];

/** The mission whose workspace, locks and fences a mission or an attempt uses: the first of those that it continues. */
export const workspaceOf = ({
  mission_id,
  workspace_of,
}: Pick<MissionRequest, 'mission_id' | 'workspace_of'>): string => workspace_of ?? mission_id;

/**
 * Why a mission must not begin in the workspace of an earlier one, as far as the log tells at its request; null: it
 * may, or it has its own. Every mission of a workspace is in one partition, so that one holder sees them all.
 */
export function workspaceTaken(state: CoordinationState, request: MissionRequest): string | null {
  const { mission_id, workspace_of: root, continues } = request;
  if (root === null && continues === null) return null;
  if (root === null || continues === null) return 'it continues no mission, and names the workspace of another';
  for (const id of [root, continues.mission_id])
    if (id === mission_id || parseMissionId(id)?.partition !== state.partition)
      return `${id} is no mission that it can continue: the ids name different partitions`;
  for (const other of state.missions.values())
    if (workspaceOf(other.request) === root && isOpen(other)) return `mission ${other.id} uses its workspace`;
  const stale =
    'another mission may have used its workspace since the log was read for the request; ' +
    `ask again: ravenhelm retry ${continues.mission_id}`;
  if (continues.as_of < state.foldedFrom) return stale;
  return lastEnd(state, root) >= continues.as_of ? stale : null;
}

function lastEnd(state: CoordinationState, root: string): number {
  let last = state.workspaceUses.get(root)?.endedAt ?? -1;
  for (const { request, endedAt } of state.missions.values())
    if (endedAt !== null && workspaceOf(request) === root) last = Math.max(last, endedAt);
  return last;
}

/** A request is appended within its window after the log was read for it; twice that covers clocks that differ. */
const USES_KEPT_MS = 2 * REQUEST_WINDOW_MS;

/** Keeps what a request that is still under way may need to know of a mission that is forgotten. */
export function noteForgotten(state: CoordinationState, { request, endedAt }: Mission): void {
  if (endedAt === null) return;
  const root = workspaceOf(request);
  const before = state.workspaceUses.get(root)?.endedAt ?? -1;
  state.workspaceUses.delete(root);
  state.workspaceUses.set(root, { endedAt: Math.max(before, endedAt), atMs: state.timestampMs });
}

/** They are in the order in which they were noted. */
export function forgetUses({ workspaceUses, timestampMs }: CoordinationState): void {
  for (const [root, { atMs }] of workspaceUses) {
    if (atMs + USES_KEPT_MS >= timestampMs) return;
    workspaceUses.delete(root);
  }
}

/** What a task of a mission begins with: nothing, or what the missions that it continues have left of it. */
export function continuedTask({ continues }: MissionRequest): (taskId: string) => ContinuedTask | null {
  const tasks = new Map(continues?.tasks.map((task) => [task.task_id, task]));
  return (taskId) => tasks.get(taskId) ?? null;
}

/** A task of an earlier mission that the plan does not have, as one whose attempt only ends what may still run. */
export const fenceOf = ({ task_id, agent }: ContinuedTask): PlanTask => ({
  task_id,
  agent,
  description: 'End what an earlier attempt may have left running.',
  playbook: null,
  acceptance: [],
  timeout_seconds: null,
  dependencies: [],
  protected: [],
  changes: [],
  artifacts: [],
});

/** Tainted tasks of earlier missions that the plan does not have: what they have written is there all the same. */
export const taintedBefore = ({ request: { continues }, tasks }: Mission): readonly string[] =>
  (continues?.tasks ?? [])
    .filter(({ task_id, tainted_by }) => tainted_by.length > 0 && !tasks.has(task_id))
    .map(({ task_id }) => task_id);

/**
 * The newest mission that has used or may use the workspace, if it is another one: that is the one to continue; null:
 * none is known. One that was refused has never begun, and knows less than the one before it.
 */
export function newerIn(missions: Iterable<Mission>, old: Mission): Mission | null {
  let newest: Mission | null = null;
  for (const mission of missions) {
    const isOther = workspaceOf(mission.request) === workspaceOf(old.request) && mission.id !== old.id;
    if (!isOther || wasRefused(mission) || (mission.firstOffset < old.firstOffset && !wasRefused(old))) continue;
    if (newest === null || mission.firstOffset > newest.firstOffset) newest = mission;
  }
  return newest;
}

/** It has never begun: what is in its workspace is known to the mission that it was to continue. */
export const wasRefused = ({ course }: Mission): boolean =>
  course.kind === 'failed' && (course.code === 'workspace_taken' || course.code === 'request_void');

export interface ContinueOptions {
  /** Ids of tasks that run again although they are verified. */
  readonly again: ReadonlySet<string>;
  /** The plan of a changed mission file; null: the mission keeps its own. */
  readonly plan: Plan | null;
  /** Of a changed mission file: with other ones nothing is carried; absent: the mission keeps its own. */
  readonly inputs?: readonly MissionInput[];
  /** Offset up to which the mission's partition was read. */
  readonly asOf: number;
  /** Bytes that the results of carried tasks may have in all; absent: as many as an assignment has. */
  readonly resultBytes?: number;
}

export interface Continued {
  readonly continues: Continuation;
  /** null: no plan was approved, and the file has none: a planner makes one. */
  readonly plan: Plan | null;
  /** Ids of the tasks whose checks run first. */
  readonly carried: readonly string[];
}

/** What a mission that continues this one, which has ended, takes over. */
export function continuationOf(
  old: Mission,
  { again, plan: changed, inputs = old.request.inputs, asOf, resultBytes = SIZES.inputs }: ContinueOptions,
): Continued {
  const plan = changed ?? planOf(old);
  const planned = new Map(plan?.waves.flatMap(({ tasks }) => tasks.map((task) => [task.task_id, task])));
  // Commands read the inputs: what was proven with others need not hold.
  const keepsInputs = changedInputs(old.request.inputs, inputs).length === 0;
  const mayCarry = (id: string): boolean => keepsInputs && !again.has(id);
  const carriedOf = (task: MissionTask): boolean => {
    const now = planned.get(task.id);
    return now !== undefined && isSameTask(now, task.plan) && isProven(task) && mayCarry(task.id);
  };
  const tried = [...old.tasks.values()].filter((task) => task.attempt > 0);
  const carried = tried.filter(carriedOf);
  const results = new Map(carriedResults(carried, planned, resultBytes).map((input) => [input.task_id, input]));
  const failed = tried.filter((task) => errorOf(task) !== '').length;
  const tasks = tried.map((task) => {
    const now = planned.get(task.id);
    const isPlanned = changed === null || (now !== undefined && isSameTask(now, task.plan));
    return {
      task_id: task.id,
      agent: task.plan.agent,
      attempts: task.attempt,
      target_partition: task.targetPartition,
      may_run: task.mayRun || task.fence,
      carried: carriedOf(task),
      planned_by: isPlanned ? task.plannedBy : 'mission',
      summary: results.get(task.id)?.summary ?? '',
      outputs: results.get(task.id)?.outputs ?? {},
      error: cutToBytes(errorOf(task), Math.floor(SIZES.feedback / Math.max(1, failed))),
      tainted_by: [...task.taintedBy],
    };
  });
  const asked = new Map(old.request.plan?.waves.flatMap((wave) => wave.tasks.map((task) => [task.task_id, task])));
  const left = (old.request.continues?.tasks ?? [])
    .filter(({ task_id }) => !old.tasks.has(task_id))
    .map((task) => {
      const [now, then] = [planned.get(task.task_id), asked.get(task.task_id)];
      const isSame = now !== undefined && then !== undefined && isSameTask(now, then);
      return { ...task, carried: task.carried && isSame && mayCarry(task.task_id) };
    });
  return {
    continues: {
      mission_id: old.id,
      as_of: asOf,
      plan_tainted: changed === null && isPlanTainted(old),
      tasks: [...tasks, ...left],
    },
    plan,
    carried: [...carried.map(({ id }) => id), ...left.flatMap((task) => (task.carried ? [task.task_id] : []))],
  };
}

/**
 * What carried tasks have come to. First the results on which tasks depend that run now, then those on which others
 * depend, whose checks may fail; what no task reads gets the bytes that are left.
 */
function carriedResults(
  carried: readonly MissionTask[],
  planned: ReadonlyMap<string, PlanTask>,
  mostBytes: number,
): readonly TaskInput[] {
  const ids = new Set(carried.map(({ id }) => id));
  const plans = [...planned.values()];
  const read = (tasks: readonly PlanTask[]) => new Set(tasks.flatMap(({ dependencies }) => dependencies));
  const [byNow, byAny] = [read(plans.filter(({ task_id }) => !ids.has(task_id))), read(plans)];
  const classOf = ({ id }: MissionTask): number => (byNow.has(id) ? 0 : byAny.has(id) ? 1 : 2);
  let left = mostBytes;
  return [0, 1, 2].flatMap((wanted) => {
    const some = inputsWithin(
      carried.filter((task) => classOf(task) === wanted),
      left,
      Infinity,
    );
    left -= some.reduce((sum, input) => sum + inputBytes(input), 0);
    return some;
  });
}

/** Whether what a task has come to is proven, as far as this mission knows. */
const isProven = ({ kind, status, carried }: MissionTask): boolean =>
  kind === 'task' && (status === 'verified' || carried === 'unchecked');

const errorOf = ({ status, failures, detail, earlier, carried }: MissionTask): string =>
  endedWell({ status }) ? '' : failures > 0 || carried === 'failed' ? detail : earlier;

/** Whether untrusted content had a say in the plan: a changed plan quotes what tainted tasks have said. */
const isPlanTainted = (old: Mission): boolean =>
  (old.request.continues?.plan_tainted ?? false) || (planReasonOf(old) !== null && old.index.tainted.size > 0);

/** The tasks that make up the mission now, whichever of its plans they are from; null: it has none. */
function planOf(mission: Mission): Plan | null {
  const replaced = new Set(mission.waves.filter(({ status }) => status === 'replaced').map(({ number }) => number));
  const tasks = [...mission.tasks.values()].filter(
    (task) => task.status !== 'replaced' && (!replaced.has(task.wave) || endedWell(task)),
  );
  if (tasks.length === 0) return mission.request.plan;
  const last = proposalOf(mission)?.plan ?? mission.request.plan;
  const rationales = new Map(last?.waves.map((wave) => [wave.wave_number, wave.rationale]));
  const waves = new Map<number, PlanTask[]>();
  for (const { kind, wave, plan } of tasks) if (kind === 'task') waves.set(wave, [...(waves.get(wave) ?? []), plan]);
  const verify = tasks.findLast(({ kind }) => kind === 'verify');
  return {
    strategy: last?.strategy ?? `Continues ${mission.id}.`,
    waves: [...waves]
      .sort(([a], [b]) => a - b)
      .map(
        ([wave_number, planned]): PlanWave => ({
          wave_number,
          rationale: rationales.get(wave_number) ?? '',
          tasks: planned,
        }),
      ),
    risks: last?.risks ?? [],
    success_criteria: (verify?.plan.acceptance ?? last?.success_criteria ?? []).filter(
      ({ command }) => !mission.request.success.some((own) => own.command === command),
    ),
    notes: last?.notes ?? [],
  };
}

/** Whether a task is as it was: then what proved it proves it still. Its time limit proves nothing. */
function isSameTask(one: PlanTask, other: PlanTask): boolean {
  const worded = ({ timeout_seconds: _limit, ...task }: PlanTask) =>
    JSON.stringify(Object.entries(task).sort(([a], [b]) => (a < b ? -1 : 1)));
  return worded(one) === worded(other);
}
