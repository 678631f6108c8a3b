/** How one task of a mission evolves. Events of another attempt than the open one are void. */
import { NOT_RUN } from './baseline.js';
import { addCost } from './budget.js';
import type { CheckResult, EventOf, PayloadOf } from './events.js';
import {
  hasOpenAttempt,
  noWait,
  onlyOf,
  pausedStep,
  remainingMs,
  waitsForAttempt,
  type MissionTask,
} from './mission-task-state.js';
import { mergedTaint, taintOf } from './taint.js';
import { voidBecause, type FoldRecord, type Void } from './record.js';

export type MissionTaskEvent = EventOf<
  | 'task_retry_requested'
  | 'task_retry_scheduled'
  | 'task_assigned'
  | 'task_cancelled'
  | 'task_suspended'
  | 'task_accepted'
  | 'task_started'
  | 'task_progress'
  | 'task_paused'
  | 'task_resumed'
  | 'task_completed'
  | 'task_failed'
>;

/** What a failed attempt is judged by. */
interface RetryRule {
  /** New attempts that the mission allows after a failure. */
  readonly retries: number;
  /** Failed attempts of the task's agent on the mission so far. */
  readonly agentFailures: number;
}

/** The task after the event, or why the event has no effect. */
export type EvolvedTask = { readonly kind: 'task'; readonly task: MissionTask } | Void;

const changed = (task: MissionTask): EvolvedTask => ({ kind: 'task', task });

/** After so many failures of an agent on a mission more of the same is no help. */
const MOST_AGENT_FAILURES = 3;

export function evolveTask(
  task: MissionTask,
  record: FoldRecord & { readonly event: MissionTaskEvent },
  rule: RetryRule,
): EvolvedTask {
  const evolved = evolveStatus(task, record, rule);
  if (evolved.kind === 'void') return evolved;
  const sandboxOff = task.sandboxOff || ranWithoutSandbox(record.event);
  const taintedBy = mergedTaint(task.taintedBy, taintOf(evolved.task.untrusted, callsBy(record.event)));
  if (sandboxOff === task.sandboxOff && taintedBy === task.taintedBy) return evolved;
  return changed({ ...evolved.task, sandboxOff, taintedBy });
}

/** Calls that the open attempt has made, as far as an event says it. */
function callsBy({ event_type, payload }: MissionTaskEvent): number {
  switch (event_type) {
    case 'task_progress':
    case 'task_resumed':
      return payload.step;
    case 'task_paused':
      return payload.step - 1;
    case 'task_completed':
    case 'task_failed':
      return payload.steps;
    case 'task_cancelled':
      // The last events of its worker may be lost: in doubt it has read all that it could.
      return 1;
    default:
      return 0;
  }
}

/** An orchestrator's events say how its process runs commands, and nothing of the task's. */
function ranWithoutSandbox(event: MissionTaskEvent): boolean {
  if (event.sandbox !== 'off') return false;
  switch (event.event_type) {
    case 'task_accepted':
    case 'task_started':
    case 'task_completed':
    case 'task_failed':
      return true;
    case 'task_progress':
      return event.payload.step > 0;
    default:
      return false;
  }
}

function evolveStatus(
  task: MissionTask,
  record: FoldRecord & { readonly event: MissionTaskEvent },
  rule: RetryRule,
): EvolvedTask {
  const { event } = record;
  if (event.event_type === 'task_assigned') return assigned(task, event.payload, record);
  if (event.event_type === 'task_retry_scheduled') return retryScheduled(task, event.payload);
  if (event.payload.attempt !== task.attempt) return voidBecause('another attempt');
  if (event.event_type === 'task_retry_requested') return retryRequested(task, event.payload);
  if (event.event_type === 'task_progress' && event.payload.unknown_agent) return withoutAgent(task, event.payload);
  if (!hasOpenAttempt(task)) return voidBecause('no attempt is open');
  switch (event.event_type) {
    case 'task_accepted':
      return task.status === 'assigned' ? changed({ ...task, status: 'accepted' }) : voidBecause('accepted before');
    case 'task_started':
      // Of the execution before the pause, or of the one that is about to end it.
      if (task.status === 'paused') return voidBecause('a call waits');
      return changed({
        ...task,
        status: 'running',
        startedAtMs: task.startedAtMs ?? record.timestampMs,
        detail: 'started',
        suspended: continued(task),
        withoutWorkerSinceMs: null,
      });
    case 'task_progress':
      return changed(progressed(task, event.payload));
    case 'task_suspended':
      return suspended(task, event.payload);
    case 'task_paused':
      return paused(task, event);
    case 'task_resumed':
      return resumed(task, event.payload);
    case 'task_completed':
      return changed(completed(task, event.payload));
    case 'task_failed':
      return changed(failed(task, event.payload, rule));
    case 'task_cancelled':
      // Its holder decided it before it had read that a call waits: meanwhile the deadline does not run.
      if (task.status === 'paused' && event.payload.code === 'deadline') return voidBecause('a call waits');
      return changed(cancelled(task, event.payload, rule));
  }
}

/** What its last attempt has come to stays as it is: the next attempt is to know of it. */
function withoutAgent(task: MissionTask, { unserved_since }: PayloadOf<'task_progress'>): EvolvedTask {
  if (!waitsForAttempt(task)) return voidBecause('it has an attempt');
  return changed({ ...task, unknownAgent: true, withoutWorkerSinceMs: unserved_since });
}

function progressed(task: MissionTask, progress: PayloadOf<'task_progress'>): MissionTask {
  const { step, message: detail, unserved_since: withoutWorkerSinceMs } = progress;
  // Step 0: nothing has begun; the orchestrator says what the task waits for.
  if (step === 0) return { ...task, detail, withoutWorkerSinceMs };
  const steps = Math.max(task.steps, step);
  if (task.status === 'paused') return { ...task, steps };
  return { ...task, status: 'running', steps, detail, suspended: continued(task), withoutWorkerSinceMs: null };
}

/** A step or a start after the suspension shows that the attempt continues. */
const continued = ({ suspended }: MissionTask): MissionTask['suspended'] => (suspended === 'ending' ? 'no' : suspended);

function suspended(task: MissionTask, { suspended: waits }: PayloadOf<'task_suspended'>): EvolvedTask {
  if (waits === (task.suspended === 'yes')) return voidBecause('said before');
  return changed({ ...task, suspended: waits ? 'yes' : 'ending' });
}

/** Steps rise: the same pause, said again by a worker that took over or by a late copy, changes nothing. */
function paused(task: MissionTask, { payload: call }: EventOf<'task_paused'>): EvolvedTask {
  if (call.step <= pausedStep(task)) return voidBecause('paused before');
  return changed({
    ...task,
    status: 'paused',
    wait: {
      kind: 'waiting',
      lastApproval: task.wait.lastApproval,
      pause: {
        call,
        approvalId: call.approval_id,
        digest: call.digest,
        expiresAtMs: call.expires_at,
        answerId: null,
        voidAnswer: null,
      },
    },
    suspended: continued(task),
    steps: Math.max(task.steps, call.step),
    detail: `step ${call.step}: ${call.tool} waits for a person`,
    withoutWorkerSinceMs: null,
  });
}

function resumed(task: MissionTask, { step, approval_id }: PayloadOf<'task_resumed'>): EvolvedTask {
  const last = pausedStep(task);
  if (step < last || (step === last && task.wait.kind !== 'waiting')) return voidBecause('resumed before');
  return changed({
    ...task,
    status: 'running',
    wait: { kind: 'decided', lastApproval: approval_id, step, remainingMs: remainingMs(task) },
    suspended: continued(task),
    detail: `step ${step}: decided`,
    withoutWorkerSinceMs: null,
  });
}

function assigned(task: MissionTask, decision: PayloadOf<'task_assigned'>, record: FoldRecord): EvolvedTask {
  if (task.status !== 'waiting' && task.status !== 'retrying') return voidBecause('not waiting for an attempt');
  if (decision.attempt !== task.attempt + 1) return voidBecause('another attempt');
  if (decision.only !== onlyOf(task)) return voidBecause('another part of the task is next');
  return changed({
    ...task,
    status: 'assigned',
    mayRun: true,
    attempt: decision.attempt,
    assignedAt: record.offset,
    firstAssignedAtMs: task.firstAssignedAtMs ?? record.timestampMs,
    targetPartition: decision.target_partition,
    timeoutSeconds: decision.timeout_seconds,
    share: { tokens: decision.share_tokens, usd: decision.share_usd },
    untrusted: decision.untrusted,
    steps: 0,
    retryDelayMs: null,
    wait: noWait(task),
    suspended: 'no',
    changedPaths: [],
    artifacts: null,
    detail: '',
    withoutWorkerSinceMs: null,
    unknownAgent: false,
    retryRequest: null,
  });
}

function retryScheduled(task: MissionTask, { attempt, delay_ms }: PayloadOf<'task_retry_scheduled'>): EvolvedTask {
  if (task.status !== 'retrying' || task.retryDelayMs !== null) return voidBecause('no back-off to decide');
  if (attempt !== task.attempt + 1) return voidBecause('another attempt');
  return changed({ ...task, retryDelayMs: delay_ms });
}

/**
 * An open attempt is cancelled first, by a separate decision; after one that has failed the task waits for the next
 * at once.
 */
function retryRequested(task: MissionTask, request: PayloadOf<'task_retry_requested'>): EvolvedTask {
  const asked: MissionTask = { ...task, retryRequest: `asked for by ${request.requested_by}: ${request.reason}` };
  if (hasOpenAttempt(task)) return task.retryRequest === null ? changed(asked) : voidBecause('asked for before');
  switch (task.status) {
    case 'failed':
      return changed({ ...asked, status: 'waiting' });
    case 'waiting':
    case 'retrying':
      return voidBecause('another attempt follows anyway');
    default:
      return voidBecause('the task has ended');
  }
}

/** A task that has no attempt left gets the one that was asked for. */
const withoutRetries = (task: MissionTask): MissionTask['status'] =>
  task.retryRequest === null ? 'failed' : 'waiting';

function completed(task: MissionTask, result: PayloadOf<'task_completed'>): MissionTask {
  const { status, summary, outputs, checks } = result.result;
  const ended = { ...withUsage(task, result), wait: noWait(task), detail: '', withoutWorkerSinceMs: null };
  if (task.fence) return fenced(ended);
  // What the task has come to is what its earlier mission says; here it was only proven again.
  if (task.carried === 'unchecked') return { ...ended, status, checks, carried: 'held' };
  return { ...ended, status, summary, outputs, checks };
}

/** Nothing of earlier attempts is left: the task is next, if the plan has it. */
function fenced(task: MissionTask): MissionTask {
  const { leaves, earlier } = task;
  const detail = leaves === null ? '' : leaves === 'failed' ? earlier : REPLACED;
  return { ...task, fence: false, status: leaves ?? 'waiting', detail };
}

/** What is said of a task that the plan does not have any more. */
export const REPLACED = 'replaced by a changed plan';

/** An attempt that has waited too long for its paused mission is no failure of the task: another one follows. */
const isPausedTooLong = (task: MissionTask, { code }: PayloadOf<'task_failed'>): boolean =>
  code === 'paused' && task.suspended !== 'no';

/** No worker has seen the attempt: a right or a topic is missing. Another follows, each time after a longer pause. */
export const isUndelivered = ({ code }: Pick<PayloadOf<'task_failed'>, 'code'>): boolean => code === 'undeliverable';

function failed(task: MissionTask, result: PayloadOf<'task_failed'>, rule: RetryRule): MissionTask {
  if (isPausedTooLong(task, result))
    return {
      ...withUsage(task, result),
      ...{ status: 'waiting', wait: noWait(task), detail: result.error, withoutWorkerSinceMs: null },
    };
  if (task.carried === 'unchecked' && result.code === 'checks' && result.checks.some(hasFailed))
    return carriedFailed(task, result);
  const failures = task.failures + 1;
  const status = isUndelivered(result)
    ? 'retrying'
    : result.retriable
      ? afterFailure(task, failures, rule)
      : withoutRetries(task);
  return {
    ...withUsage(task, result),
    status,
    failures,
    checks: result.checks,
    wait: noWait(task),
    changedPaths: result.changed_paths,
    // A failure that names no model says nothing new about them.
    usedUpBy: result.used_up_by ?? task.usedUpBy,
    detail: result.error,
    withoutWorkerSinceMs: null,
  };
}

/** Whether it came to an end by itself and did not pass. One that could not run shows nothing of the work. */
const hasFailed = ({ exit_code }: CheckResult): boolean => exit_code !== 0 && exit_code !== NOT_RUN;

/** It does not hold any more: the task runs again, and no retry is used up. */
const carriedFailed = (task: MissionTask, result: PayloadOf<'task_failed'>): MissionTask => ({
  ...withUsage(task, result),
  status: 'waiting',
  carried: 'failed',
  checks: result.checks,
  wait: noWait(task),
  earlier: result.error,
  detail: result.error,
  withoutWorkerSinceMs: null,
});

/** Another attempt, until the retries or the mission's patience with the agent are used up, whichever comes first. */
function afterFailure(
  task: MissionTask,
  failures: number,
  { retries, agentFailures }: RetryRule,
): MissionTask['status'] {
  return failures <= retries && agentFailures + 1 < MOST_AGENT_FAILURES ? 'retrying' : withoutRetries(task);
}

type Result = PayloadOf<'task_completed'> | PayloadOf<'task_failed'>;

/**
 * A worker takes the task's fence before anything of an attempt, and may fail before it has it. Then what an earlier
 * attempt, or an earlier worker of this one, has left may still run.
 */
function mayStillRun({ attempt }: MissionTask, result: Result): boolean {
  if (!('error' in result) || (attempt === 1 && result.steps === 0)) return false;
  if (result.fenced !== null) return !result.fenced;
  return result.steps === 0 && !BEHIND_THE_FENCE.includes(result.code);
}

/** Codes of a model's work, of older builds, which do not say whether they had the fence. */
const BEHIND_THE_FENCE: readonly string[] = ['gave_up', 'model', 'budget', 'steps', 'repeated', 'agent_revision'];

/** The budget pays what the result says; the rest of the share returns. */
function withUsage(task: MissionTask, result: Result): MissionTask {
  const used = { tokens: result.tokens_in + result.tokens_out, usd: result.cost_usd };
  return {
    ...task,
    spent: addCost(task.spent, used),
    usage: addCost(task.usage, used),
    share: { tokens: null, usd: null },
    mayRun: mayStillRun(task, result),
    suspended: 'no',
    steps: result.steps,
    artifacts: result.artifacts,
    model: result.model,
    durationMs: result.duration_ms,
  };
}

/** What a cancelled attempt has spent is not known: its whole share counts. */
function cancelled(task: MissionTask, decision: PayloadOf<'task_cancelled'>, rule: RetryRule): MissionTask {
  const spent = addCost(task.spent, { tokens: task.share.tokens ?? 0, usd: task.share.usd ?? 0 });
  const ended: MissionTask = {
    ...task,
    spent,
    share: { tokens: null, usd: null },
    suspended: 'no',
    detail: decision.reason,
    wait: noWait(task),
    withoutWorkerSinceMs: null,
  };
  switch (decision.code) {
    case 'not_accepted':
    case 'retry_requested':
      return { ...ended, status: 'waiting' };
    case 'deadline': {
      const failures = task.failures + 1;
      return { ...ended, failures, status: afterFailure(task, failures, rule) };
    }
    default:
      return { ...ended, status: 'cancelled' };
  }
}
