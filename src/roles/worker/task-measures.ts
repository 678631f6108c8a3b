/** Counts what the holder of a tasks partition reads back: ends of attempts and steps, and calls that need approval. */
import type { LoopFailureCode } from '../../agent/loop-contract.js';
import type { AgentEvent, EventOf } from '../../domain/events.js';
import { attemptKey } from '../../domain/partitioning.js';
import type { TaskPartitionState } from '../../domain/task-partition.js';
import { countingDecision, type VerifyAnswer, type WaitingCall } from '../../domain/waiting-call.js';
import { wordOf, type Metrics } from '../../ports/metrics.js';
import { checkResult, stepOutcome } from './step-outcome.js';

export interface TaskMeasuresDeps {
  readonly metrics: Metrics;
  readonly agent: string;
  readonly state: TaskPartitionState;
  readonly verifyAnswer: VerifyAnswer;
}

const FAILURES: Readonly<Record<LoopFailureCode, true>> = {
  gave_up: true,
  timeout: true,
  budget: true,
  steps: true,
  repeated: true,
  checks: true,
  protected: true,
  model: true,
  workspace: true,
  permission: true,
  inputs: true,
  agent_revision: true,
  paused: true,
  too_large: true,
  internal: true,
};
const FAILURE_WORDS = Object.keys(FAILURES);

/**
 * A record was folded, and has an effect.
 * @param waitingBefore the call of its attempt that waited for a person before it; null: none did
 */
export function measureTask(deps: TaskMeasuresDeps, event: AgentEvent, waitingBefore: WaitingCall | null): void {
  const { metrics, agent } = deps;
  switch (event.event_type) {
    case 'tool_returned':
      return stepEnded(deps, event);
    case 'task_completed': {
      const { result, duration_ms: durationMs } = event.payload;
      const word = wordOf(result.status, ['verified', 'unverified']);
      return metrics.attemptEnded({ agent, status: 'completed', result: word, durationMs });
    }
    case 'task_failed': {
      const { code, duration_ms: durationMs } = event.payload;
      return metrics.attemptEnded({ agent, status: 'failed', result: wordOf(code, FAILURE_WORDS), durationMs });
    }
    case 'task_cancelled':
      return metrics.attemptEnded({ agent, status: 'cancelled', result: 'cancelled', durationMs: null });
    case 'call_proposed':
      return metrics.approval('call', 'asked');
    case 'tool_called':
      if (waitingBefore !== null) metrics.approval('call', whatBecameOf(deps, event, waitingBefore));
      return;
    default:
      return;
  }
}

function stepEnded({ metrics, agent, state }: TaskMeasuresDeps, { payload }: EventOf<'tool_returned'>): void {
  const tool = state.attempts.get(attemptKey(payload))?.steps[payload.step - 1]?.call.tool ?? '';
  metrics.stepEnded(agent, stepOutcome(payload, tool), payload.duration_ms);
  for (const check of payload.checks ?? []) metrics.checkEnded(agent, checkResult(check));
}

function whatBecameOf({ verifyAnswer }: TaskMeasuresDeps, { payload }: EventOf<'tool_called'>, waiting: WaitingCall) {
  if (payload.approved_by !== null) return 'approved';
  return countingDecision(waiting, verifyAnswer)?.approved === false ? 'rejected' : 'not_run';
}
