/** Continues a mission that has ended: a new mission in its workspace, in which what was verified is checked first. */
import { join } from 'node:path';
import type { GivenInput } from '../agent/input-values.js';
import type { MissionFile } from '../agent/mission-file.js';
import type { Roster } from '../agent/roster.js';
import { continuationOf, newerIn, wasRefused, workspaceOf, type Continued } from '../domain/continuation.js';
import { missionsOf } from '../domain/coordination-view.js';
import { createMissionId, parseMissionId } from '../domain/mission-id.js';
import { changedInputs } from '../domain/mission-inputs.js';
import { isOpen, statusOf, type Mission } from '../domain/mission-state.js';
import type { MissionTask } from '../domain/mission-task-state.js';
import { REQUEST_WINDOW_MS } from '../domain/requests.js';
import { SNAPSHOTS } from '../domain/requirements.js';
import { byteLength, SIZES } from '../domain/sizes.js';
import { RecordTooLarge, type Log } from '../ports/log.js';
import { appendOne } from './append-one.js';
import { askProcesses } from './ask-processes.js';
import { namedTask } from './attempts.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import type { ReadMission } from './mission-reader.js';
import { withSession } from './session.js';
import { callerOf, requestEvent, type SubmittedMission } from './submit.js';
import { raiseText, sizesText } from './too-large.js';

export interface RetryOptions {
  /** Tasks that run again although they are verified: their ids, or agents that have one task in the mission. */
  readonly tasks: readonly string[];
  /** The changed mission file; null: the mission as it was. */
  readonly edited: MissionFile | null;
  /** Where the missions' workspaces lie; absolute. */
  readonly workspaceRoot: string;
  /** The agents that there are. */
  roster(): Promise<Pick<Roster, 'names'>>;
  /** Called before the rejection where the mission may be submitted all the same. */
  onUnknown?(missionId: string): void;
}

export interface RetriedMission extends SubmittedMission {
  /** The mission that it continues. */
  readonly continues: string;
  /** Ids of the verified tasks whose checks run first; one that fails runs its task again. */
  readonly carried: readonly string[];
  /** Ids of the other tasks of its plan; empty where a planner makes the plan. */
  readonly runs: readonly string[];
  /** Names of the inputs that differ from those of the mission that it continues; with any nothing is carried. */
  readonly changedInputs: readonly string[];
}

/** A mission that continues another one, as it was submitted. */
export interface SubmittedRetry {
  readonly retried: RetriedMission;
  readonly mission: MissionFile;
}

/**
 * Appends the request of a mission that continues this one. The feed must have read its partition up to the end of the
 * log. Rejects with ClientError: mission_open, mission_continued, attempt_runs, nothing_to_retry, task_unknown,
 * read_too_long_ago, mission_too_large.
 */
export async function retryMission(
  context: ClientContext,
  log: Log,
  { feed, mission, readAtMs }: ReadMission,
  options: RetryOptions,
): Promise<SubmittedRetry> {
  requireContinuable(feed, mission);
  const { edited, workspaceRoot } = options;
  const again = new Set(options.tasks.map((task) => namedTask(mission.id, tasksThatMayRun(mission), task).id));
  const asOf = feed.view.position(mission.id);
  const continuedWith = (resultBytes: number) =>
    continuationOf(mission, {
      again,
      plan: edited?.plan ?? null,
      ...(edited === null ? {} : { inputs: edited.inputs ?? [] }),
      asOf,
      resultBytes,
    });
  const continued = continuedWith(SIZES.inputs);
  const runs = tasksOf(continued).filter((id) => !continued.carried.includes(id));
  if (edited === null && runs.length === 0 && statusOf(mission) === 'completed') throw nothingToRetry(mission);
  await requireAgents(continued, options);
  await requireNothingRuns(context, log, mission, continued);
  const file = { ...(edited ?? fileOf(mission)), plan: continued.plan };
  const request = createRequest(context, log, mission, { file, onUnknown: options.onUnknown, readAtMs });
  if (context.clock.now() - readAtMs > READ_WITHIN_MS) throw readTooLongAgo(mission);
  const appended = request.append(continued).catch((error: unknown) => {
    if (!(error instanceof RecordTooLarge)) throw error;
    return request.append(continuedWith(resultsLeft(mission, continued, error.size)));
  });
  await appended.catch((error: unknown) => {
    throw error instanceof RecordTooLarge ? tooLarge(mission, context.topics.coordination, error.size) : error;
  });
  return {
    retried: {
      missionId: request.missionId,
      workspace: mission.request.workspace ?? join(workspaceRoot, workspaceOf(mission.request)),
      continues: mission.id,
      carried: continued.carried,
      runs,
      changedInputs: changedInputs(mission.request.inputs, file.inputs ?? []),
    },
    mission: file,
  };
}

/** Its tasks; before a plan was approved, those of the plan that it was submitted with. */
function tasksThatMayRun({ tasks, request }: Mission): readonly Pick<MissionTask, 'id' | 'plan'>[] {
  const own = [...tasks.values()].filter(({ kind }) => kind === 'task');
  if (own.length > 0) return own;
  const planned = request.plan?.waves.flatMap((wave) => wave.tasks) ?? [];
  return planned.map((plan) => ({ id: plan.task_id, plan }));
}

interface RequestParts extends Pick<RetryOptions, 'onUnknown'> {
  readonly file: MissionFile;
  /**
   * The id has the time at which the log was read, and the log takes its request for REQUEST_WINDOW_MS from then on: so
   * long orchestrators know who has used the workspace since (continuation.ts).
   */
  readonly readAtMs: number;
}

/** Leaves the log as long to take the request. */
const READ_WITHIN_MS = REQUEST_WINDOW_MS / 2;

const readTooLongAgo = ({ id }: Mission): ClientError =>
  new ClientError(
    'read_too_long_ago',
    `the log was read more than ${READ_WITHIN_MS / 60_000} minutes ago: ` +
      `another mission may have used the workspace of ${id} since`,
    `Ask again: ravenhelm retry ${id}`,
  );

/** Requests under one id: of those that are too large for the log none is there. */
function createRequest(
  context: ClientContext,
  log: Log,
  { id, request }: Mission,
  { file, onUnknown, readAtMs }: RequestParts,
) {
  const { random, topics } = context;
  const partition = parseMissionId(id)?.partition ?? 0;
  const missionId = createMissionId({ nowMs: readAtMs, partition, random });
  const { workspace, workspace_marker: marker } = request;
  return {
    missionId,
    append: ({ continues }: Continued) =>
      appendOne(context, log, {
        appender: 'retry',
        topic: topics.coordination,
        partition,
        key: missionId,
        event: requestEvent(context, {
          mission: file,
          missionId,
          workspace,
          marker,
          continued: { workspaceOf: workspaceOf(request), continues },
        }),
        ...callerOf(context),
        onUnknown: () => onUnknown?.(missionId),
      }),
  };
}

/** Bytes that the results of this mission's tasks may have where the request with all of them was too large. */
function resultsLeft({ tasks }: Mission, { continues }: Continued, size: RecordTooLarge['size']): number {
  if (size === null) return 0;
  const own = continues.tasks.filter(({ task_id }) => tasks.has(task_id));
  const texts = own.flatMap(({ summary, outputs }) => [summary, ...Object.entries(outputs).flat()]);
  const bytes = texts.reduce((sum, text) => sum + byteLength(text), 0);
  return Math.max(0, bytes - (size.bytes - size.limitBytes));
}

const tooLarge = ({ id }: Mission, topic: string, size: RecordTooLarge['size']): ClientError =>
  new ClientError(
    'mission_too_large',
    `mission ${id} cannot be continued: the request has ${sizesText(topic, size)}; it was not submitted`,
    `Give it a smaller plan: ravenhelm retry ${id} --edit FILE, or ${raiseText(topic)}`,
  );

const tasksOf = ({ plan }: Continued): readonly string[] =>
  plan?.waves.flatMap(({ tasks }) => tasks.map((task) => task.task_id)) ?? [];

/** It has ended, and no other mission has continued it. */
function requireContinuable({ view }: MissionFeed, mission: Mission): void {
  const { id, request } = mission;
  if (isOpen(mission))
    throw new ClientError(
      'mission_open',
      `mission ${id} has not ended`,
      `Wait until it has, or stop it: ravenhelm cancel ${id}`,
    );
  // Which missions its workspace has had is known to the one before it, which may be older than what was read.
  if (wasRefused(mission) && request.continues !== null)
    throw new ClientError(
      'mission_continued',
      `mission ${id} was refused and has never begun`,
      `Continue the one before it: ravenhelm retry ${request.continues.mission_id}`,
    );
  const newer = newerIn(missionsOf(view), mission);
  if (newer !== null)
    throw new ClientError(
      'mission_continued',
      `mission ${newer.id} is the last one in the workspace of ${id}`,
      isOpen(newer) ? `ravenhelm status ${newer.id} shows it.` : `Continue that one: ravenhelm retry ${newer.id}`,
    );
}

const nothingToRetry = ({ id }: Mission): ClientError =>
  new ClientError(
    'nothing_to_retry',
    `every task of mission ${id} is verified`,
    `Name the tasks that are to run again: ravenhelm retry ${id} TASK`,
  );

/** What an earlier attempt may have left is ended by an attempt of its agent: without its file none is made. */
async function requireAgents({ continues }: Continued, { roster }: RetryOptions): Promise<void> {
  const left = continues.tasks.filter((task) => task.may_run);
  if (left.length === 0) return;
  const { names } = await roster();
  const endless = left.find(({ agent }) => !names.includes(agent));
  if (endless !== undefined)
    throw new ClientError(
      'attempt_runs',
      `an attempt of ${endless.task_id} may still run, and there is no agent ${endless.agent} to end it`,
      `Put agents/${endless.agent}.md back until the retry has begun.`,
    );
}

/** How long processes have to say what they run, in milliseconds, and how long after the last answer. */
const FIRST_ANSWER_MS = 2_000;
const QUIET_MS = 700;

/**
 * Of a cancelled attempt a process may still run. A live worker ends it within seconds; until then it says so. What a
 * worker that is gone has left, the new mission ends before it begins.
 */
async function requireNothingRuns(
  context: ClientContext,
  log: Log,
  { id, request }: Mission,
  { continues }: Continued,
): Promise<void> {
  if (!continues.tasks.some((task) => task.may_run)) return;
  const reports = await withSession(context, log, (session) =>
    askProcesses(context, session, { firstMs: FIRST_ANSWER_MS, quietMs: QUIET_MS, isEnough: () => false }),
  );
  const root = workspaceOf(request);
  // Workers of older builds do not say whose workspace it is.
  const known = [id, root, request.continues?.mission_id];
  const runs = reports.flatMap(({ worker_id, running }) =>
    running
      .filter((task) => workspaceOf(task) === root || known.includes(task.mission_id))
      .map((task) => ({ worker_id, ...task })),
  )[0];
  if (runs !== undefined)
    throw new ClientError(
      'attempt_runs',
      `attempt ${runs.attempt} of ${runs.task_id} still runs in ${runs.worker_id}, ` +
        `though mission ${runs.mission_id} has ended`,
      'Its worker is about to end it: try again in a few seconds.',
    );
}

/** The mission as a file would describe it, with its budget as it was at the end. */
function fileOf({ request, budget }: Mission): MissionFile {
  return {
    name: request.name,
    brief: request.brief,
    approval: request.approval,
    retries: request.retries,
    onFailure: request.on_failure,
    budget,
    limits: request.limits,
    trust: { brief: request.brief_trusted, workspace: request.workspace_trusted },
    agents: request.agents,
    success: request.success,
    plan: request.plan,
    planner: request.planner === 'order' ? 'order' : null,
    snapshots: request.requires.includes(SNAPSHOTS),
    inputs: request.inputs,
  };
}

/** The values that the mission's inputs have, for a changed file. */
export const carriedInputs = ({ id, request }: Mission): readonly GivenInput[] =>
  request.inputs.map(({ name, value }) => ({
    name,
    value,
    form: 'text',
    mayBeUnknown: true,
    problem: (message, fix) => ({ file: `mission ${id}`, line: null, column: null, message, fix }),
  }));

export const inputsWithoutEdit = (id: string): ClientError =>
  new ClientError(
    'inputs_without_edit',
    `mission ${id} has the values of its inputs already: they are in its brief and in its plan`,
    `Give the mission, too: ravenhelm retry ${id} --edit FILE. Inputs that you do not name keep their values.`,
  );
