/** Events of the size that missions have. */
import { randomUUID } from 'node:crypto';
import type { EventOf, EventType, PayloadOf, PlanTask } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { partitionForKey, taskRecordKey } from '../../src/domain/partitioning.js';
import type { AppendRequest } from '../../src/ports/log.js';
import { createEventFactory, type CreateEvent } from '../../src/domain/event-factory.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import type { BenchLog } from '../support/bench-log.js';
import { requestPayload, waveOf } from '../support/request-payload.js';

/** Of topics.yaml. */
export const COORDINATION_PARTITIONS = 12;
export const TASKS_PARTITIONS = 6;
/** Names the log of the coordination topic in the assignments' sources. */
export const EPOCH = 'bench';
/** Who holds the partitions in what the benches write. */
export const OWNER = 'bench/1';

const createEvent: CreateEvent = createEventFactory({ clock: createSystemClock(), ids: { uuid: randomUUID } });
/** @param ageMs how old its id shall be */
export const missionIdIn = (partition: number, ageMs = 0): string =>
  createMissionId({ nowMs: Date.now() - ageMs, partition, random: Math.random });

/** About 800 characters; another one for each mission. */
export const briefOf = (missionId: string): string =>
  `Prepare the platform ${missionId} for its first deployment. ` +
  (
    'Every service gets its certificate, its settings and its database before anything that needs them is started; ' +
    'nothing that already serves is touched. '
  ).repeat(5);

export function planTask(taskId: string, agent: string): PlanTask {
  return {
    task_id: taskId,
    agent,
    playbook: 'slow',
    timeout_seconds: null,
    protected: [],
    changes: [],
    artifacts: [],
    dependencies: [],
    description:
      `${taskId}: ` +
      (
        'bring what this agent answers for into the state that the brief asks for, ' + 'and say what was there before. '
      ).repeat(3),
    acceptance: [1, 2, 3].map((n) => ({
      name: `${taskId} holds ${n}`,
      command: `test -d . && : "proof ${n} of ${taskId} in its workspace, exit code 0 when it holds"`,
    })),
  };
}

export interface TaskPlace {
  readonly missionId: string;
  readonly taskId: string;
  readonly agent: string;
  /** Of the coordination topic. */
  readonly source: { readonly partition: number; readonly offset: number };
}

/** What an orchestrator would send to the agent's topic. */
export function assignment(
  { missionId, taskId, agent, source }: TaskPlace,
  workspaceMarker: string,
): PayloadOf<'task_assigned'> {
  const { description, acceptance } = planTask(taskId, agent);
  return {
    task_id: taskId,
    mission_id: missionId,
    description,
    acceptance,
    agent,
    dependencies: [],
    timeout_seconds: 3600,
    retry_count: 0,
    parameters: {},
    attempt: 1,
    wave_number: 1,
    kind: 'task',
    owner: OWNER,
    target_partition: partitionForKey(taskRecordKey(missionId, taskId), TASKS_PARTITIONS),
    source: { epoch: EPOCH, ...source },
    playbook: 'slow',
    brief: briefOf(missionId),
    inputs: [],
    share_tokens: null,
    share_usd: null,
    workspace: null,
    workspace_marker: workspaceMarker,
    feedback: null,
    answer: null,
    requires: [],
    workspace_of: null,
    only: null,
    agent_digest: null,
    playbook_acceptance: null,
    protected: [],
    changes: [],
    artifacts: [],
    used_up_by: null,
    beside: null,
    limits: {},
    untrusted: [],
    mission_inputs: [],
  };
}

/** A record of an agent's topic about a task. */
export function taskRecord<T extends EventType>(
  { topics }: BenchLog,
  place: TaskPlace,
  partition: number,
  type: T,
  payload: PayloadOf<T>,
): AppendRequest {
  const event: EventOf<T> = createEvent({ type, from: place.agent, missionId: place.missionId, payload });
  return { topic: topics.tasks(place.agent), partition, key: taskRecordKey(place.missionId, place.taskId), event };
}

/** A record of the coordination topic. */
export function missionRecord<T extends EventType>(
  { topics }: BenchLog,
  missionId: string,
  partition: number,
  type: T,
  payload: PayloadOf<T>,
): AppendRequest {
  const event: EventOf<T> = createEvent({ type, from: 'bench', missionId, payload });
  return { topic: topics.coordination, partition, key: missionId, event };
}

/** Tasks of a requested mission, one for each agent. */
export const MISSION_TASKS = 12;

/** A mission with its own plan. Every task belongs to the first wave: the most that a mission can have under way. */
export function missionRequest(bench: BenchLog, partition: number): AppendRequest {
  const missionId = missionIdIn(partition);
  const tasks = Array.from({ length: MISSION_TASKS }, (_, number) =>
    planTask(`deploy-${bench.agents[number]}-wave1`, bench.agents[number] ?? ''),
  );
  const own = { mission_id: missionId, brief: briefOf(missionId), retries: 2, agents: [...bench.agents] };
  const payload = requestPayload(bench, { ...own, plan: waveOf(tasks) });
  return missionRecord(bench, missionId, partition, 'mission_requested', payload);
}
