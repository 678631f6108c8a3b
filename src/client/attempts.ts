/** What the agents of a mission did: the journals of its attempts, read from the tasks topics. */
import { rebuildPrompts } from '../agent/prompt-journal.js';
import { chooseInstead } from '../domain/did-you-mean.js';
import { continuedTask } from '../domain/continuation.js';
import {
  createAttemptJournal,
  type AttemptId,
  type AttemptJournal,
  type JournaledAttempt,
} from '../domain/attempt-journal.js';
import { reportAttempt, type AttemptReport, type StepReport } from '../domain/attempt-report.js';
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import type { PlanTask } from '../domain/events.js';
import type { Mission } from '../domain/mission-state.js';
import type { MissionTask } from '../domain/mission-task-state.js';
import { attemptKey } from '../domain/partitioning.js';
import { partitionName, type Log, type LogRecord, type WatchPlace } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import { follow } from './follow.js';

export interface AttemptFilter {
  /** A task's id, or an agent that has one task. null: every task. */
  readonly task: string | null;
  /** From 1. null: every attempt. */
  readonly attempt: number | null;
  /** Rebuild the prompt of each step. */
  readonly prompts?: boolean;
}

/** Clocks of brokers may differ by this much. */
const CLOCK_SKEW_MS = 60_000;

/** Tasks whose attempts may be in memory at the same time. */
const TASKS_AT_ONCE = 50;

/**
 * Calls back with each attempt of the mission that matches, in the order in which they ended; those that have not
 * ended come last. Reads each task's own partition from the time of its assignment on, and only as far as it has to.
 * Memory holds the attempts of at most 50 tasks, however many the mission has: those are read, and their callbacks
 * awaited, before the next 50, in the order of their assignment. Rejects with ClientError when there is no such task or
 * attempt.
 */
export async function readAttempts(
  { topics, signal }: Pick<ClientContext, 'topics' | 'signal'>,
  log: Pick<Log, 'watch' | 'admin'>,
  mission: Mission,
  filter: AttemptFilter,
  onAttempt: (attempt: AttemptReport) => Promise<void> | void,
): Promise<void> {
  const wanted = wantedAttempts(mission, filter);
  const tasks = inOrderOfAssignment(new Set(wanted.values()));
  for (let at = 0; at < tasks.length; at += TASKS_AT_ONCE) {
    const some = new Set(tasks.slice(at, at + TASKS_AT_ONCE));
    const missing = new Map([...wanted].filter(([, task]) => some.has(task)));
    await readSome({ topics, signal }, log, missing, filter, onAttempt);
  }
}

const inOrderOfAssignment = (tasks: Iterable<MissionTask>): readonly MissionTask[] =>
  [...tasks].toSorted((a, b) => (a.firstAssignedAtMs ?? 0) - (b.firstAssignedAtMs ?? 0));

/** @param missing by attemptKey, the task of each wanted attempt; those that are found are taken out */
async function readSome(
  { topics, signal }: Pick<ClientContext, 'topics' | 'signal'>,
  log: Pick<Log, 'watch' | 'admin'>,
  missing: Map<string, MissionTask>,
  filter: AttemptFilter,
  onAttempt: (attempt: AttemptReport) => Promise<void> | void,
): Promise<void> {
  const journals = createJournals((id) => missing.has(attemptKey(id)));
  const places = await startingPlaces(log, topics.tasks, inOrderOfAssignment(new Set(missing.values())));
  const complete = createHandledDeferred<void>();
  let handled = Promise.resolve();
  const hand = (attempt: JournaledAttempt) => {
    handled = handled.then(() => onAttempt(filter.prompts === true ? withPrompts(attempt) : reportAttempt(attempt)));
    handled.catch(complete.reject);
  };
  const { caughtUp, failure, stop } = await follow(log, {
    topics: [...new Set(places.map(({ topic }) => topic))],
    from: places,
    onRecord(record) {
      for (const attempt of journals.apply(record)) {
        if (!missing.delete(attempt.key)) continue;
        hand(attempt);
        if (missing.size === 0) complete.resolve();
      }
    },
  });
  try {
    await orAborted(Promise.race([complete.promise, caughtUp, failure]), signal);
  } finally {
    await stop();
  }
  for (const attempt of journals.rest()) if (missing.has(attempt.key)) hand(attempt);
  await handled;
}

function withPrompts(attempt: JournaledAttempt): AttemptReport {
  const report = reportAttempt(attempt);
  const prompts = rebuildPrompts(attempt.assignment, attempt.steps);
  const steps = report.steps.map((step): StepReport => {
    const prompt = prompts.get(step.step);
    return prompt === undefined ? step : { ...step, prompt };
  });
  return { ...report, steps };
}

/** By attemptKey: the task of each attempt that was made and matches. */
function wantedAttempts(mission: Mission, filter: AttemptFilter): Map<string, MissionTask> {
  const wanted = new Map<string, MissionTask>();
  for (const task of matchingTasks(mission, filter.task)) {
    const before = continuedTask(mission.request)(task.id)?.attempts ?? 0;
    for (let attempt = before + 1; attempt <= task.attempt; attempt += 1)
      if (filter.attempt === null || filter.attempt === attempt)
        wanted.set(attemptKey({ mission_id: mission.id, task_id: task.id, attempt }), task);
    if (filter.task !== null && filter.attempt !== null && (filter.attempt > task.attempt || filter.attempt <= before))
      throw new ClientError(
        'attempt_unknown',
        `${task.id} has no attempt ${filter.attempt}`,
        attemptsText(before, task.attempt),
      );
  }
  return wanted;
}

/** @param before attempts in missions that this one continues */
function attemptsText(before: number, last: number): string {
  if (last === before) return 'It was not assigned yet.';
  return before === 0 ? `Its last one is ${last}.` : `It has those from ${before + 1} to ${last}.`;
}

/** Null: all. Throws ClientError (task_unknown). */
function matchingTasks({ id, tasks: known }: Pick<Mission, 'id' | 'tasks'>, wanted: string | null) {
  const tasks = [...known.values()];
  return wanted === null ? tasks : [namedTask(id, tasks, wanted)];
}

/** The task of this id, or the only one of this agent. Throws ClientError (task_unknown). */
export function namedTask<T extends { readonly id: string; readonly plan: Pick<PlanTask, 'agent'> }>(
  missionId: string,
  tasks: readonly T[],
  wanted: string,
): T {
  const exact = tasks.find(({ id }) => id === wanted);
  if (exact !== undefined) return exact;
  const ofAgent = tasks.filter((task) => task.plan.agent === wanted);
  const [only] = ofAgent;
  if (only !== undefined && ofAgent.length === 1) return only;
  const choices = (ofAgent.length > 1 ? ofAgent : tasks).map(({ id }) => id);
  throw new ClientError(
    'task_unknown',
    ofAgent.length > 1 ? `${wanted} has several tasks in ${missionId}` : `${missionId} has no task ${wanted}`,
    choices.length === 0 ? 'It has no tasks yet.' : `${chooseInstead(wanted, choices)}.`,
  );
}

async function startingPlaces(
  { admin }: Pick<Log, 'admin'>,
  topicOf: (agent: string) => string,
  tasks: readonly MissionTask[],
): Promise<readonly WatchPlace[]> {
  const places = new Map<string, WatchPlace>();
  // Earliest first, so that a partition's first task says where reading begins.
  for (const { plan, targetPartition, firstAssignedAtMs } of tasks) {
    const topic = topicOf(plan.agent);
    if (targetPartition === null || firstAssignedAtMs === null) continue;
    if (places.has(partitionName({ topic, partition: targetPartition }))) continue;
    const found = await admin.offsetAtTime(topic, firstAssignedAtMs - CLOCK_SKEW_MS);
    for (const { partition, offset } of found)
      if (partition === targetPartition) places.set(partitionName({ topic, partition }), { topic, partition, offset });
  }
  return [...places.values()];
}

function createJournals(isWanted: (attempt: AttemptId) => boolean) {
  const journals = new Map<string, AttemptJournal>();
  return {
    apply(record: LogRecord) {
      if (record.content.kind !== 'event') return [];
      const { event } = record.content;
      const name = partitionName(record);
      const journal = journals.get(name) ?? createAttemptJournal(isWanted);
      journals.set(name, journal);
      return journal.apply({ offset: record.offset, timestampMs: record.timestampMs, event });
    },
    rest: () => [...journals.values()].flatMap((journal) => journal.rest()),
  };
}
