/** Sends final results to the missions' coordination partitions and knows which were acknowledged. */
import { attemptKey } from '../../domain/partitioning.js';
import type { TaskAttempt, TaskResultPayload } from '../../domain/task-partition.js';
import type { AgentEvent } from '../../domain/events.js';
import { AppendDropped, AppendRejected } from '../../ports/log.js';
import { createOutbox } from '../shared/outbox.js';
import { asError } from '../../domain/as-error.js';
import type { WorkerContext } from './worker-context.js';
import { aboutAttempt } from './about-attempt.js';

export interface ResultSender {
  /** Sends an ended attempt's result unless it was sent before. A cancelled attempt has none to send. */
  send(attempt: TaskAttempt): void;
  /** Calls back when a result was acknowledged. */
  subscribe(listener: (attempt: TaskAttempt) => void): void;
  readonly isAcknowledged: (attemptKey: string) => boolean;
  forget(attemptKey: string): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

interface Ended {
  readonly attempt: TaskAttempt;
  readonly result: TaskResultPayload;
}

export function createResultSender(context: WorkerContext): ResultSender {
  let onAcknowledged: (attempt: TaskAttempt) => void = () => undefined;
  const acknowledged = new Set<string>();
  const { appenders, topics, logger } = context.deps;

  const append = (attempt: TaskAttempt, event: AgentEvent) => {
    const { assignment } = attempt;
    const partition = assignment.source?.partition;
    if (partition === undefined) throw new TypeError('an assignment without source is never taken');
    return appenders.coordination.append({ topic: topics.coordination, partition, key: assignment.mission_id, event });
  };

  async function sendResult(attempt: TaskAttempt, result: TaskResultPayload): Promise<void> {
    const { agent: from, mission_id: missionId } = attempt.assignment;
    const causes = { causedBy: attempt.assignmentId, sandbox: sandboxOf(attempt) };
    const envelope = { from, to: 'orchestrator', missionId, ...causes };
    const event =
      result.type === 'task_completed'
        ? context.createEvent({ type: 'task_completed', ...envelope, payload: result.payload })
        : context.createEvent({ type: 'task_failed', ...envelope, payload: result.payload });
    try {
      await append(attempt, event);
    } catch (error) {
      if (!(error instanceof AppendRejected)) throw error;
      logger.error({ ...aboutAttempt(attempt), reason: error.message }, 'result.rejected');
      await append(
        attempt,
        context.createEvent({
          type: 'task_failed',
          ...envelope,
          payload: rejectedResult(result, error),
        }),
      );
    }
    acknowledged.add(attempt.key);
    onAcknowledged(attempt);
  }

  const outbox = createOutbox<Ended>(context.sending.results, async ({ attempt, result }) => {
    try {
      await sendResult(attempt, result);
    } catch (error) {
      // Dropped while closing: the next holder sends it again from the replay range.
      if (!(error instanceof AppendDropped)) context.onFatal(asError(error));
    }
  });

  return {
    send(attempt) {
      const { key, result } = attempt;
      if (result !== null && !acknowledged.has(key)) outbox.send(key, { attempt, result });
    },
    subscribe(listener) {
      onAcknowledged = listener;
    },
    isAcknowledged: (key) => acknowledged.has(key),
    forget: (key) => void acknowledged.delete(key),
    settled: outbox.settled,
  };
}

/** A step may have been another worker's, before a take-over. */
const sandboxOf = ({ steps }: TaskAttempt): 'off' | null => (steps.some((step) => step.sandboxOff) ? 'off' : null);

/** A result that the coordination topic cannot take (too large) is still an end of the attempt. */
function rejectedResult(result: TaskResultPayload, error: AppendRejected) {
  const { payload } = result;
  return {
    task_id: payload.task_id,
    mission_id: payload.mission_id,
    attempt: payload.attempt,
    owner: payload.owner,
    error: `the result of ${attemptKey(payload)} could not be written: ${error.message}`,
    code: 'too_large',
    retriable: false,
    steps: payload.steps,
    model: payload.model,
    tokens_in: payload.tokens_in,
    tokens_out: payload.tokens_out,
    cost_usd: payload.cost_usd,
    duration_ms: payload.duration_ms,
    checks: [],
    changed_paths: [],
    artifacts: null,
    used_up_by: result.type === 'task_failed' ? result.payload.used_up_by : null,
    fenced: result.type === 'task_failed' ? result.payload.fenced : true,
  };
}
