/** given / when / then for a tasks partition. */
import type { AgentEvent, PayloadOf, Source, StepOutcome } from '../../../src/domain/events.js';
import { describeFolded, type FoldRecord } from '../../../src/domain/record.js';
import {
  createTaskPartitionState,
  evolveTaskPartition,
  type TaskAttempt,
  type TaskPartitionState,
} from '../../../src/domain/task-partition.js';
import { attemptKey } from '../../../src/domain/partitioning.js';
import { eventOf, recordsOf, T0 } from './events.js';

export const MISSION = '20261123-141502-417-p03-x7k2';
export const TASK = 'deploy-cert_agent-wave1';

/** Which attempt an event is about. */
export interface About {
  readonly task?: string;
  readonly attempt?: number;
}

const identity = ({ task = TASK, attempt = 1 }: About) => ({ mission_id: MISSION, task_id: task, attempt });
export const keyOf = (about: About = {}): string => attemptKey(identity(about));
export const source = (offset: number, epoch = 'log-1', partition = 3): Source => ({ epoch, partition, offset });

export const claimed = (owner: string): AgentEvent =>
  eventOf('partition_claimed', { owner, worker_id: owner, topic: 'ravenhelm.squad.tasks.cert_agent', partition: 0 });

export function assigned(from: Source | null, about: About = {}): AgentEvent {
  return eventOf('task_assigned', {
    ...identity(about),
    description: 'make certificates',
    dependencies: [],
    timeout_seconds: 300,
    retry_count: 0,
    parameters: {},
    wave_number: 1,
    agent: 'cert_agent',
    kind: 'task',
    owner: 'orchestrator',
    target_partition: 0,
    source: from,
    playbook: null,
    acceptance: [],
    brief: 'deploy',
    inputs: [],
    share_tokens: 10_000,
    share_usd: 1,
    workspace: null,
    workspace_marker: 'marker-1',
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
  });
}

export function cancelled(from: Source | null, about: About = {}): AgentEvent {
  return eventOf('task_cancelled', {
    ...identity(about),
    agent: 'cert_agent',
    owner: 'orchestrator',
    code: 'cancelled',
    reason: 'because',
    target_partition: 0,
    source: from,
    mission_code: null,
  });
}

type CallDetails = About &
  Partial<Pick<PayloadOf<'tool_called'>, 'tokens_in' | 'tokens_out' | 'cost_usd' | 'reserved_tokens' | 'reserved_usd'>>;

export function called(owner: string, step: number, { task, attempt, ...details }: CallDetails = {}): AgentEvent {
  return eventOf('tool_called', {
    ...identity({ task, attempt }),
    owner,
    step,
    thought: 'look',
    tool: 'workspace_list',
    arguments: '{}',
    idempotent: true,
    model: 'ollama:llama3.1',
    chain_index: 0,
    refusals: [],
    tokens_in: 0,
    tokens_out: 0,
    cost_usd: 0,
    reserved_tokens: 0,
    reserved_usd: 0,
    started_at: null,
    first_token_ms: null,
    model_ms: null,
    turn: null,
    repairs: [],
    decision: null,
    rule: null,
    approval_id: null,
    approved_by: null,
    refused_because: null,
    tainted_by: [],
    baseline: null,
    check_decisions: null,
    ...details,
  });
}

export function returned(owner: string, step: number, outcome: StepOutcome = 'ok', about: About = {}): AgentEvent {
  return eventOf('tool_returned', {
    ...identity(about),
    owner,
    step,
    outcome,
    exit_code: 0,
    observation: '',
    output_digest: null,
    duration_ms: 1,
    checks: null,
    changed_paths: [],
    limit: null,
  });
}

export function reserved(owner: string, tokens: number, usd: number, about: About = {}): AgentEvent {
  return eventOf('turn_reserved', { ...identity(about), owner, reserved_tokens: tokens, reserved_usd: usd });
}

const used = { steps: 1, model: 'ollama:llama3.1', tokens_in: 0, tokens_out: 0, cost_usd: 0, duration_ms: 1 };

export const completed = (owner: string, about: About = {}): AgentEvent =>
  eventOf('task_completed', {
    ...identity(about),
    owner,
    ...used,
    artifacts: null,
    result: { status: 'verified', summary: 'done', outputs: {}, checks: [] },
  });

export const failed = (owner: string, about: About = {}): AgentEvent =>
  eventOf('task_failed', {
    ...identity(about),
    owner,
    ...used,
    error: 'no',
    code: 'gave_up',
    retriable: true,
    checks: [],
    changed_paths: [],
    used_up_by: null,
    fenced: true,
    artifacts: null,
  });

export interface TaskLog {
  readonly state: TaskPartitionState;
  readonly records: readonly FoldRecord[];
  /** Folds one more event. */
  when(event: AgentEvent): string;
  attempt(about?: About): TaskAttempt;
}

/** A log of these events, folded. */
export function given(...events: readonly AgentEvent[]): TaskLog {
  const state = createTaskPartitionState();
  const records: FoldRecord[] = [...recordsOf(events)];
  for (const record of records) evolveTaskPartition(state, record);
  return {
    state,
    records,
    when(event) {
      const record = { offset: records.length, timestampMs: T0 + records.length, event };
      records.push(record);
      return describeFolded(evolveTaskPartition(state, record));
    },
    attempt(about) {
      const found = state.attempts.get(keyOf(about));
      if (found === undefined) throw new RangeError(`no attempt ${keyOf(about)}`);
      return found;
    },
  };
}
