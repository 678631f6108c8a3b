/** given / when / then for a coordination partition. */
import {
  DEFAULT_TIMINGS,
  missionTimers,
  taskTimers,
  type ExpiredWaits,
  type MissionTimer,
} from '../../../src/domain/mission-timers.js';
import type { AgentEvent, Check, PayloadOf, Plan, PlanTask } from '../../../src/domain/events.js';
import { decideMission, type DecideContext, type Decision } from '../../../src/domain/mission-decide.js';
import { evolveCoordination } from '../../../src/domain/mission-evolve.js';
import { createMissionId } from '../../../src/domain/mission-id.js';
import { createCoordinationState, type CoordinationState, type Mission } from '../../../src/domain/mission-state.js';
import type { MissionTask } from '../../../src/domain/mission-task-state.js';
import { describeFolded, type FoldRecord } from '../../../src/domain/record.js';
import { eventOf, recordsOf, T0 } from './events.js';

export const PARTITION = 3;
export const ID = createMissionId({ nowMs: T0, partition: PARTITION, random: () => 0.5 });
const OWNER = 'o-1';

type Request = PayloadOf<'mission_requested'>;

export function requestOf(changes: Partial<Request> = {}): Request {
  return {
    mission_id: ID,
    name: 'hello',
    brief: 'deploy',
    approval: 'none',
    retries: 2,
    on_failure: 'fail',
    budget: { usd: null, tokens: null, minutes: null },
    agents: ['cert_agent', 'env_agent', 'proxy_agent'],
    success: [],
    plan: null,
    workspace: null,
    workspace_marker: 'marker-1',
    requested_by: 'test',
    requires: [],
    workspace_of: null,
    continues: null,
    planner: null,
    limits: {},
    signed: null,
    brief_trusted: true,
    workspace_trusted: false,
    inputs: [],
    ...changes,
  };
}

export const planTask = (agent: string, wave: number, changes: Partial<PlanTask> = {}): PlanTask => ({
  task_id: `deploy-${agent}-wave${wave}`,
  agent,
  description: `do ${agent}`,
  playbook: null,
  acceptance: [],
  timeout_seconds: null,
  protected: [],
  changes: [],
  artifacts: [],
  dependencies: [],
  ...changes,
});

/** A plan with these agents in each wave, numbered from firstWave. */
export function planOf(
  waves: readonly (readonly string[])[],
  firstWave = 1,
  successCriteria: readonly Check[] = [],
): Plan {
  return {
    strategy: 'in order',
    risks: [],
    success_criteria: [...successCriteria],
    notes: [],
    waves: waves.map((agents, index) => ({
      wave_number: firstWave + index,
      rationale: '',
      tasks: agents.map((agent) => planTask(agent, firstWave + index)),
    })),
  };
}

export const TWO_WAVES = planOf([['cert_agent', 'env_agent'], ['proxy_agent']]);
export const CERT = 'deploy-cert_agent-wave1';
export const ENV = 'deploy-env_agent-wave1';
export const PROXY = 'deploy-proxy_agent-wave2';

export const claimed = (owner = OWNER): AgentEvent =>
  eventOf('partition_claimed', {
    owner,
    worker_id: owner,
    topic: 'ravenhelm.squad.coordination',
    partition: PARTITION,
  });
export const opened = (epoch = 'log-1'): AgentEvent =>
  eventOf('partition_opened', { epoch, topic: 'ravenhelm.squad.coordination', partition: PARTITION });
export const requested = (changes: Partial<Request> = {}): AgentEvent =>
  eventOf('mission_requested', requestOf(changes));
export const cancelRequested = (reason = 'enough', id = ID): AgentEvent =>
  eventOf('mission_cancel_requested', { mission_id: id, requested_by: 'ann', reason, signed: null });

export const pauseRequested = (reason = 'lunch', number = 1, id = ID): AgentEvent =>
  eventOf('mission_pause_requested', { mission_id: id, number, requested_by: 'ann', reason, signed: null });
export const resumeRequested = (number = 1, id = ID): AgentEvent =>
  eventOf('mission_resume_requested', { mission_id: id, number, requested_by: 'ben', signed: null });
export const budgetRequested = (changes: Partial<PayloadOf<'mission_budget_requested'>> = {}, id = ID): AgentEvent =>
  eventOf('mission_budget_requested', {
    mission_id: id,
    number: 1,
    requested_by: 'ann',
    usd: null,
    tokens: null,
    minutes: null,
    signed: null,
    ...changes,
  });

export const answered = (number: number, answer = 'use port 8443', id = ID): AgentEvent =>
  eventOf('attention_answered', { mission_id: id, number, answer, answered_by: 'ann', signed: null });
export const retryRequested = (task: string, attempt: number, reason = 'stuck', id = ID): AgentEvent =>
  eventOf('task_retry_requested', {
    mission_id: id,
    task_id: task,
    attempt,
    requested_by: 'ann',
    reason,
    signed: null,
  });

const planUse: Pick<PayloadOf<'plan_failed'>, 'tokens_in' | 'tokens_out' | 'cost_usd' | 'owner'> = {
  tokens_in: 0,
  tokens_out: 0,
  cost_usd: 0,
  owner: OWNER,
};
export const proposed = (
  revision: number,
  plan: Plan,
  used: Partial<typeof planUse> & {
    readonly planner?: string;
    readonly model?: string;
    readonly id?: string;
    readonly owner?: string | null;
  } = {},
): AgentEvent => {
  const { planner = 'order', id = ID, ...usage } = used;
  return eventOf('plan_proposed', {
    mission_id: id,
    revision,
    planner,
    model: '',
    refusals: [],
    plan,
    ...planUse,
    ...usage,
  });
};
export const planFailed = (
  revision: number,
  error = 'no planner answered',
  used: Partial<typeof planUse> = {},
  id = ID,
): AgentEvent =>
  eventOf('plan_failed', {
    mission_id: id,
    revision,
    error,
    code: 'planning_failed',
    retry_in_ms: null,
    ...planUse,
    ...used,
  });
/** No planner could be reached; it is asked again after retryInMs. */
export const plannerUnreached = (
  revision: number,
  retryInMs = 2_000,
  used: Partial<typeof planUse> = {},
  id = ID,
): AgentEvent =>
  eventOf('plan_failed', {
    mission_id: id,
    revision,
    error: 'no planner model can be reached',
    code: 'planner_unreachable',
    retry_in_ms: retryInMs,
    ...planUse,
    ...used,
  });
/** The planner does not have the mission's agents. */
export const agentsMissing = (revision: number, error: string, id = ID): AgentEvent =>
  eventOf('plan_failed', {
    mission_id: id,
    revision,
    error,
    code: 'unknown_agents',
    retry_in_ms: 2_000,
    ...planUse,
  });
export const noPlanner = (revision: number, id = ID): AgentEvent =>
  eventOf('plan_failed', {
    mission_id: id,
    revision,
    error: 'no planner model is configured',
    code: 'no_planner',
    retry_in_ms: null,
    ...planUse,
  });
export const approved = (revision: number, id = ID): AgentEvent =>
  eventOf('plan_approved', { mission_id: id, revision, approved_by: 'ann', signed: null, plan_digest: null });
export const rejected = (revision: number, reason = 'not so', id = ID): AgentEvent =>
  eventOf('plan_rejected', { mission_id: id, revision, rejected_by: 'ann', reason, signed: null, plan_digest: null });

interface Used {
  readonly tokens_in?: number;
  readonly tokens_out?: number;
  readonly cost_usd?: number;
}
const work = { owner: 'w-1', steps: 2, model: 'playbook', tokens_in: 0, tokens_out: 0, cost_usd: 0, duration_ms: 5 };
const about = (task: string, attempt: number, id: string) => ({ mission_id: id, task_id: task, attempt });

export const accepted = (task: string, attempt = 1, id = ID): AgentEvent =>
  eventOf('task_accepted', { ...about(task, attempt, id), owner: 'w-1' });
export const started = (task: string, attempt = 1, id = ID): AgentEvent =>
  eventOf('task_started', { ...about(task, attempt, id), owner: 'w-1', worker_id: 'w-1' });
export const progress = (task: string, step: number, attempt = 1, id = ID): AgentEvent =>
  eventOf('task_progress', {
    ...about(task, attempt, id),
    step,
    tool: 'workspace_list',
    message: `step ${step}: workspace_list`,
    percent_complete: 1,
    substeps_completed: step,
    substeps_total: 9,
    unserved_since: null,
    unknown_agent: false,
  });
const unserved = (
  task: string,
  attempt: number,
  id: string,
  payload: { since: number; isUnknown: boolean },
): AgentEvent =>
  eventOf('task_progress', {
    ...about(task, attempt, id),
    step: 0,
    tool: null,
    message: 'it waits',
    percent_complete: 0,
    substeps_completed: 0,
    substeps_total: 0,
    unserved_since: payload.since,
    unknown_agent: payload.isUnknown,
  });
/** The orchestrator does not have the agent of a task that waits for an attempt. */
export const withoutAgent = (task: string, sinceMs: number, attempt = 0, id = ID): AgentEvent =>
  unserved(task, attempt, id, { since: sinceMs, isUnknown: true });
/** No live worker serves the agent of an attempt that was assigned. */
export const withoutWorker = (task: string, sinceMs: number, attempt = 1, id = ID): AgentEvent =>
  unserved(task, attempt, id, { since: sinceMs, isUnknown: false });
export const failedOver = (task: string | null, id = ID): AgentEvent =>
  eventOf('model_failed_over', {
    mission_id: id,
    task_id: task,
    attempt: task === null ? null : 1,
    step: task === null ? null : 1,
    revision: null,
    agent: 'a',
    from_model: 'ollama:llama3.1',
    to_model: 'playbook',
    reason: 'connection refused',
    cause: 'unreachable',
  });
export const completed = (
  task: string,
  attempt = 1,
  used: Used = {},
  result: Partial<PayloadOf<'task_completed'>['result']> = {},
  id = ID,
): AgentEvent =>
  eventOf('task_completed', {
    ...about(task, attempt, id),
    ...work,
    ...used,
    artifacts: null,
    result: { status: 'verified', summary: `${task} done`, outputs: { path: task }, checks: [], ...result },
  });
export const failed = (
  task: string,
  attempt = 1,
  changes: Partial<PayloadOf<'task_failed'>> = {},
  id = ID,
): AgentEvent =>
  eventOf('task_failed', {
    ...about(task, attempt, id),
    ...work,
    error: 'it broke',
    code: 'gave_up',
    retriable: true,
    checks: [],
    changed_paths: [],
    used_up_by: null,
    fenced: true,
    artifacts: null,
    ...changes,
  });

/** What the holder knows besides the fold. Each agent is known, has a worker and 300 s; no timer has run out. */
export function contextOf(changes: Partial<DecideContext> = {}): DecideContext {
  return {
    owner: OWNER,
    isExpired: () => false,
    expiredWaits: () => [],
    hasWorker: () => true,
    partitionFor: () => 2,
    revisionOf: () => ({ digest: null, playbookAcceptance: null }),
    playbookWrites: () => ({ acceptance: [], changes: [] }),
    timeoutSeconds: () => 300,
    mayReach: (agent) => changes.revisionOf?.(agent, null).reach ?? [],
    retryDelayMs: (failures) => 100 * failures,
    verifyAnswer: () => null,
    cap: null,
    plannerPrice: () => null,
    planningWorstCase: () => ({ tokens: 0, usd: 0 }),
    verifyRequest: null,
    planDigest: (plan) => JSON.stringify(plan),
    ...changes,
  };
}

/** All that tasks of the mission may wait for, whether or not it has run out. */
export function allWaits({ tasks }: Mission): readonly ExpiredWaits[] {
  const all = [...tasks.values()];
  const agents = [...new Set(all.map(({ plan }) => plan.agent))];
  const idsOf = (agent: string) => all.filter(({ plan }) => plan.agent === agent).map(({ id }) => id);
  return (['accept', 'deadline', 'retry'] as const).flatMap((kind) =>
    agents.map((agent) => ({ kind, agent, taskIds: idsOf(agent) })),
  );
}

export const expired = (...keys: readonly string[]): Partial<DecideContext> => ({
  isExpired: (key) => keys.includes(key),
});

export interface MissionLog {
  readonly state: CoordinationState;
  readonly records: FoldRecord[];
  /** Folds the event: applied, or void: and why. */
  when(event: AgentEvent): string;
  /** The same, at a time of the log: ms since the epoch. */
  whenAt(timestampMs: number, event: AgentEvent): string;
  /** What the holder decides now. */
  decides(changes?: Partial<DecideContext>, id?: string): readonly Decision[];
  /** Has it decide, and folds the decisions as the holder's appends, until it has nothing more to say. Returns all. */
  settle(changes?: Partial<DecideContext>, id?: string): readonly Decision[];
  mission(id?: string): Mission;
  task(taskId: string, id?: string): MissionTask;
}

/** A log of these events, folded. */
export function given(...events: readonly AgentEvent[]): MissionLog {
  const state = createCoordinationState(PARTITION);
  const records: FoldRecord[] = [...recordsOf(events)];
  for (const record of records) evolveCoordination(state, record);

  const whenAt = (timestampMs: number, event: AgentEvent): string => {
    const record = { offset: records.length, timestampMs, event };
    records.push(record);
    return describeFolded(evolveCoordination(state, record));
  };
  const when = (event: AgentEvent): string => whenAt(T0 + records.length, event);
  const mission = (id = ID): Mission => {
    const found = state.missions.get(id);
    if (found === undefined) throw new RangeError(`no mission ${id}`);
    return found;
  };
  const decides = (changes: Partial<DecideContext> = {}, id = ID) =>
    decideMission(
      mission(id),
      contextOf({
        owner: state.holder?.owner ?? OWNER,
        expiredWaits: (missionId) => allWaits(mission(missionId)),
        ...changes,
      }),
    );
  return {
    state,
    records,
    when,
    whenAt,
    decides,
    mission,
    settle(changes, id) {
      const all: Decision[] = [];
      for (let round = 0; round < 50; round += 1) {
        const decisions = decides(changes, id);
        if (decisions.length === 0) return all;
        for (const decision of decisions) {
          const folded = when(eventOf(decision.event_type, decision.payload));
          if (folded !== 'applied') throw new Error(`${decision.event_type} was decided and is ${folded}`);
        }
        all.push(...decisions);
      }
      throw new Error('the holder never stops deciding');
    },
    task(taskId, id) {
      const found = mission(id).tasks.get(taskId);
      if (found === undefined) throw new RangeError(`no task ${taskId}`);
      return found;
    },
  };
}

/** A claimed partition and a mission that has come as far as its first wave. */
export function underWay(changes: Partial<Request> = {}): MissionLog {
  const log = given(claimed(), opened(), requested({ plan: TWO_WAVES, ...changes }));
  log.settle();
  return log;
}

/** Types of decisions, with the task or wave that they are about. */
export function named(decisions: readonly Decision[]): readonly string[] {
  return decisions.map(({ event_type, payload }) => {
    if ('task_id' in payload) return `${event_type} ${payload.task_id}`;
    return 'wave_number' in payload ? `${event_type} ${payload.wave_number}` : event_type;
  });
}

/** The decision of this type; the test fails when there is none. */
export function only<T extends Decision['event_type']>(type: T, decisions: readonly Decision[]): PayloadOf<T> {
  const found = decisions.filter(
    (decision): decision is Extract<Decision, { event_type: T }> => decision.event_type === type,
  );
  if (found.length !== 1 || found[0] === undefined)
    throw new RangeError(`${found.length} ${type} among ${named(decisions).join(', ')}`);
  return found[0].payload as PayloadOf<T>;
}

/** Every wait of a mission and its tasks. */
export const timersOf = (mission: Mission): readonly MissionTimer[] => [
  ...missionTimers(mission, DEFAULT_TIMINGS),
  ...[...mission.tasks.values()].flatMap((task) => taskTimers(mission, task, DEFAULT_TIMINGS)),
];
