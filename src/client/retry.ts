/** Continues a mission that has ended: a new mission in its workspace, in which what was verified is checked first. */
import { join } from 'node:path';
import type { MissionFile } from '../agent/mission-file.js';
import { continuationOf, newerIn, workspaceOf, type Continued } from '../domain/continuation.js';
import { createMissionId, parseMissionId } from '../domain/mission-id.js';
import { isOpen, statusOf, type Mission } from '../domain/mission-state.js';
import { SNAPSHOTS } from '../domain/requirements.js';
import type { Log } from '../ports/log.js';
import { appendOne } from './append-one.js';
import { askProcesses } from './ask-processes.js';
import { matchingTasks } from './attempts.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import type { MissionFeed } from './mission-feed.js';
import { withSession } from './session.js';
import { requestEvent, type SubmittedMission } from './submit.js';

export interface RetryOptions {
  /** Tasks that run again although they are verified: their ids, or agents that have one task in the mission. */
  readonly tasks: readonly string[];
  /** The changed mission file; null: the mission as it was. */
  readonly edited: MissionFile | null;
  /** Where the missions' workspaces lie; absolute. */
  readonly workspaceRoot: string;
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
}

/** A mission that continues another one, as it was submitted. */
export interface SubmittedRetry {
  readonly retried: RetriedMission;
  readonly mission: MissionFile;
}

/**
 * Appends the request of a mission that continues this one. The feed must have read its partition up to the end of the
 * log. Rejects with ClientError: mission_open, mission_continued, attempt_runs, nothing_to_retry, task_unknown.
 */
export async function retryMission(
  context: ClientContext,
  log: Log,
  { feed, mission }: { readonly feed: MissionFeed; readonly mission: Mission },
  options: RetryOptions,
): Promise<SubmittedRetry> {
  requireContinuable(feed, mission);
  const { edited, workspaceRoot } = options;
  const again = new Set(options.tasks.flatMap((task) => matchingTasks(mission, task, ['task']).map(({ id }) => id)));
  const asOf = feed.view.position(mission.id);
  const continued = continuationOf(mission, { again, plan: edited?.plan ?? null, asOf });
  const runs = tasksOf(continued).filter((id) => !continued.carried.includes(id));
  if (edited === null && runs.length === 0 && statusOf(mission) === 'completed') throw nothingToRetry(mission);
  await requireNothingRuns(context, log, mission, continued);
  const { clock, random, topics } = context;
  const partition = parseMissionId(mission.id)?.partition ?? 0;
  const missionId = createMissionId({ nowMs: clock.now(), partition, random });
  const root = workspaceOf(mission.request);
  const { workspace, workspace_marker: marker } = mission.request;
  const file = { ...(edited ?? fileOf(mission)), plan: continued.plan };
  await appendOne(context, log, {
    appender: 'retry',
    topic: topics.coordination,
    partition,
    key: missionId,
    event: requestEvent(context, {
      mission: file,
      missionId,
      workspace,
      marker,
      continued: { workspaceOf: root, continues: continued.continues },
    }),
    onUnknown: () => options.onUnknown?.(missionId),
  });
  return {
    retried: {
      missionId,
      workspace: workspace ?? join(workspaceRoot, root),
      continues: mission.id,
      carried: continued.carried,
      runs,
    },
    mission: file,
  };
}

const tasksOf = ({ plan }: Continued): readonly string[] =>
  plan?.waves.flatMap(({ tasks }) => tasks.map((task) => task.task_id)) ?? [];

/** It has ended, and no other mission has continued it. */
function requireContinuable({ view }: MissionFeed, mission: Mission): void {
  const { id } = mission;
  if (isOpen(mission))
    throw new ClientError(
      'mission_open',
      `mission ${id} has not ended`,
      `Wait until it has, or stop it: ravenhelm cancel ${id}`,
    );
  const newer = newerIn(
    view.missions().flatMap((other) => view.mission(other) ?? []),
    mission,
  );
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
  const runs = reports.flatMap(({ worker_id, running }) =>
    running
      .filter(({ mission_id }) => mission_id === id || mission_id === root)
      .map((task) => ({ worker_id, ...task })),
  )[0];
  if (runs !== undefined)
    throw new ClientError(
      'attempt_runs',
      `attempt ${runs.attempt} of ${runs.task_id} still runs in ${runs.worker_id}, though mission ${id} has ended`,
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
  };
}
