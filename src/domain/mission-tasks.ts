/**
 * What is known of a mission's tasks without walking them: sums, counts and the few that need a decision. Each event
 * changes one task, so that putTask brings all of it up to date at a cost that does not depend on the mission's size.
 */
import { addCost, NOTHING, type Cost } from './budget.js';
import type { TaskKind } from './events.js';
import { endedWell, hasOpenAttempt, waitsForAttempt, type MissionTask } from './mission-task-state.js';

export interface TaskIndex {
  /** Attempts that are under way. */
  readonly open: ReadonlyMap<string, MissionTask>;
  /** Those of them that must wait before their next step. */
  readonly suspended: ReadonlyMap<string, MissionTask>;
  readonly waves: ReadonlyMap<number, WaveTasks>;
  /** For each agent the tasks that wait for an attempt. */
  readonly waiting: ReadonlyMap<string, number>;
  /** For each task the ids of those that depend on it. */
  readonly dependents: ReadonlyMap<string, readonly string[]>;
  /** Tasks whose next attempt only ends what an earlier one may have left running. */
  readonly fences: ReadonlyMap<string, MissionTask>;
  /** Tasks that have read untrusted content, in any attempt. */
  readonly tainted: ReadonlyMap<string, MissionTask>;
  /** Tasks that no live worker serves, as its holder has said. */
  readonly withoutWorker: ReadonlyMap<string, MissionTask>;
  readonly verified: number;
  readonly unverified: number;
  /** Tasks with a share of the budget to come: they wait for an attempt (checks cost nothing). */
  readonly unassigned: number;
  /** What ended attempts cost the budget. */
  readonly spent: Cost;
  /** What ended attempts are known to have used. */
  readonly usage: Cost;
  /** Shares of the attempts that are under way. */
  readonly outstanding: Cost;
}

export interface WaveTasks {
  /** All its tasks are of one kind. */
  readonly kind: TaskKind;
  readonly total: number;
  /** Tasks by agent. */
  readonly agents: ReadonlyMap<string, number>;
  /** Tasks that have ended well. */
  readonly done: number;
  /** Tasks that wait for an attempt or have an open one. */
  readonly unfinished: number;
  /** For each agent the tasks that are to be assigned, as soon as an attempt of it may begin. */
  readonly toAssign: ReadonlyMap<string, ReadonlyMap<string, MissionTask>>;
  /** Tasks whose checks come first, because they were verified in an earlier mission. */
  readonly unchecked: number;
  /** Tasks that need another decision at once. */
  readonly due: ReadonlyMap<string, MissionTask>;
  /** Tasks that failed for good or were cancelled. */
  readonly failed: ReadonlyMap<string, MissionTask>;
}

type Mutable<T> = {
  -readonly [K in keyof T]: T[K] extends ReadonlyMap<infer Key, infer Value> ? Map<Key, Value> : T[K];
};
type WaveFold = Mutable<Omit<WaveTasks, 'toAssign'>> & { readonly toAssign: Map<string, Map<string, MissionTask>> };
/** The index as putTask changes it, in place. */
export type TaskFold = Mutable<Omit<TaskIndex, 'waves' | 'dependents'>> & {
  readonly waves: Map<number, WaveFold>;
  readonly dependents: Map<string, string[]>;
};

/** A mission's tasks by id, and what is known of them all; changed in place. */
export interface IndexedTasks {
  readonly tasks: Map<string, MissionTask>;
  readonly index: TaskFold;
}

export function createTaskIndex(): TaskFold {
  return {
    open: new Map(),
    suspended: new Map(),
    waves: new Map(),
    waiting: new Map(),
    dependents: new Map(),
    fences: new Map(),
    tainted: new Map(),
    withoutWorker: new Map(),
    verified: 0,
    unverified: 0,
    unassigned: 0,
    spent: NOTHING,
    usage: NOTHING,
    outstanding: NOTHING,
  };
}

/** Puts a task in the place of the one with its id, or behind the others. */
export function putTask({ tasks, index }: IndexedTasks, task: MissionTask): void {
  const before = tasks.get(task.id);
  if (before === undefined) noteDependencies(index, task);
  tasks.set(task.id, task);
  keep(index.open, task, hasOpenAttempt(task));
  keep(index.suspended, task, task.suspended === 'yes' && hasOpenAttempt(task));
  keep(index.fences, task, task.fence && task.status !== 'replaced');
  keep(index.tainted, task, task.taintedBy.length > 0);
  keep(index.withoutWorker, task, task.withoutWorkerSinceMs !== null && isUnfinished(task));
  count(index, before, -1);
  count(index, task, 1);
  index.spent = addDifference(index.spent, before?.spent, task.spent);
  index.usage = addDifference(index.usage, before?.usage, task.usage);
  // Without an open attempt nothing is outstanding: differences of fractions must not add up.
  index.outstanding =
    index.open.size === 0 ? NOTHING : addDifference(index.outstanding, outstandingOf(before), outstandingOf(task));
  putInWave(waveTasks(index, task), before, task);
}

function noteDependencies({ dependents }: TaskFold, { id, plan }: MissionTask): void {
  for (const dependency of plan.dependencies) {
    const known = dependents.get(dependency);
    if (known === undefined) dependents.set(dependency, [id]);
    else known.push(id);
  }
}

function waveTasks({ waves }: TaskFold, { wave, kind }: MissionTask): WaveFold {
  const known = waves.get(wave);
  if (known !== undefined) return known;
  const counts = { total: 0, done: 0, unfinished: 0, unchecked: 0 };
  const made = { kind, ...counts, agents: new Map(), toAssign: new Map(), due: new Map(), failed: new Map() };
  waves.set(wave, made);
  return made;
}

function putInWave(wave: WaveFold, before: MissionTask | undefined, task: MissionTask): void {
  if (before === undefined) {
    wave.total += 1;
    wave.agents.set(task.plan.agent, (wave.agents.get(task.plan.agent) ?? 0) + 1);
  }
  wave.done += difference(before, task, endedWell);
  wave.unfinished += difference(before, task, isUnfinished);
  wave.unchecked += difference(before, task, isUnchecked);
  keepByAgent(wave.toAssign, task, task.status === 'waiting');
  keep(wave.due, task, isDue(task));
  keep(wave.failed, task, task.status === 'failed' || task.status === 'cancelled');
}

function count(index: TaskFold, task: MissionTask | undefined, by: 1 | -1): void {
  if (task === undefined) return;
  if (task.status === 'verified') index.verified += by;
  if (task.status === 'unverified') index.unverified += by;
  if (hasShareToCome(task)) index.unassigned += by;
  if (!waitsForAttempt(task)) return;
  const { agent } = task.plan;
  const waiting = (index.waiting.get(agent) ?? 0) + by;
  if (waiting > 0) index.waiting.set(agent, waiting);
  else index.waiting.delete(agent);
}

/** Checks and fences cost nothing; what runs after them does. */
const hasShareToCome = (task: MissionTask): boolean =>
  task.kind === 'task' && task.leaves === null && task.carried !== 'unchecked' && waitsForAttempt(task);

const isUnchecked = (task: MissionTask): boolean => task.carried === 'unchecked' && isUnfinished(task);

const isUnfinished = (task: MissionTask): boolean => waitsForAttempt(task) || hasOpenAttempt(task);

/** A back-off is to be chosen, or an open attempt to be replaced by another. */
const isDue = (task: MissionTask): boolean =>
  (task.status === 'retrying' && task.retryDelayMs === null) || (task.retryRequest !== null && hasOpenAttempt(task));

const outstandingOf = (task: MissionTask | undefined): Cost =>
  task !== undefined && hasOpenAttempt(task) ? { tokens: task.share.tokens ?? 0, usd: task.share.usd ?? 0 } : NOTHING;

function addDifference(sum: Cost, before: Cost = NOTHING, now: Cost): Cost {
  return addCost(sum, { tokens: now.tokens - before.tokens, usd: now.usd - before.usd });
}

const difference = (before: MissionTask | undefined, now: MissionTask, holds: (task: MissionTask) => boolean): number =>
  Number(holds(now)) - Number(before !== undefined && holds(before));

function keep(tasks: Map<string, MissionTask>, task: MissionTask, isKept: boolean): void {
  if (isKept) tasks.set(task.id, task);
  else tasks.delete(task.id);
}

function keepByAgent(tasks: Map<string, Map<string, MissionTask>>, task: MissionTask, isKept: boolean): void {
  const { agent } = task.plan;
  const ofAgent = tasks.get(agent) ?? new Map<string, MissionTask>();
  keep(ofAgent, task, isKept);
  if (ofAgent.size > 0) tasks.set(agent, ofAgent);
  else tasks.delete(agent);
}

/** In the order of the plans, however they came into the index. */
export const inPlanOrder = (tasks: Iterable<MissionTask>): readonly MissionTask[] =>
  [...tasks].sort((a, b) => a.position - b.position);
