/**
 * Carries out decisions that were read back: sends assignments, cancels and decided calls to tasks partitions, in log
 * order.
 */
import type { AgentEvent, Source } from '../../domain/events.js';
import { isEffect, type Effect } from '../../domain/mission-state.js';
import { taskRecordKey } from '../../domain/partitioning.js';
import { AppendDropped, AppendForbidden, AppendRejected, TopicMissing } from '../../ports/log.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { createOutbox } from '../shared/outbox.js';
import { processOfOwner } from '../../domain/owner-process.js';
import { asError } from '../../domain/as-error.js';

export interface EffectSender {
  /** Sends a decision unless it was sent under this claim or acknowledged before. */
  send(effect: Effect, epoch: string): void;
  readonly isAcknowledged: (effect: Effect) => boolean;
  /** It is known from elsewhere that it has arrived. */
  acknowledge(effect: Effect): void;
  /** The claim is lost: what is still queued is dropped, and the next claim sends everything unacknowledged again. */
  reset(): void;
  /** Effects below this offset are not asked for again. */
  forgetBelow(offset: number): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export interface EffectSenderDeps {
  readonly partition: number;
  onAcknowledged(effect: Effect): void;
  /** The decision can never reach its partition. */
  onRejected(effect: Effect, error: AppendRejected | AppendForbidden): void;
}

interface Sending {
  readonly effect: Effect;
  readonly epoch: string;
}

export function createEffectSender(
  context: OrchestratorContext,
  { partition, onAcknowledged, onRejected }: EffectSenderDeps,
): EffectSender {
  const { appenders, topics } = context.deps;
  const acknowledged = new Set<number>();
  let forgotten = 0;
  const outbox = createOutbox<Sending>(context.sending, async ({ effect, epoch }) => {
    const { agent, target_partition, mission_id, task_id } = effect.event.payload;
    try {
      await appenders.tasks.append({
        topic: topics.tasks(agent),
        partition: target_partition,
        key: taskRecordKey(mission_id, task_id),
        event: withSource(effect, { epoch, partition, offset: effect.offset }),
      });
      acknowledged.add(effect.offset);
      onAcknowledged(effect);
    } catch (error) {
      if (error instanceof AppendDropped) return;
      if (!(error instanceof AppendRejected || error instanceof AppendForbidden))
        return context.onFatal(asError(error));
      // An assignment is made again; a cancel or an answer is sent again by the next process that may.
      if (error instanceof AppendForbidden && effect.event.event_type !== 'task_assigned')
        return context.onFatal(error);
      acknowledged.add(effect.offset);
      onRejected(effect, error);
    }
  });

  return {
    send(effect, epoch) {
      if (!acknowledged.has(effect.offset)) outbox.send(`${partition}/${effect.offset}`, { effect, epoch });
    },
    isAcknowledged: (effect) => acknowledged.has(effect.offset),
    reset() {
      outbox.reset();
      appenders.tasks.dropQueued(({ event }) => isEffect(event) && event.payload.source?.partition === partition);
    },
    acknowledge: (effect) => void acknowledged.add(effect.offset),
    forgetBelow(offset) {
      if (offset <= forgotten) return; // at every commit, mostly with the same replay point
      forgotten = offset;
      for (const each of acknowledged) if (each < offset) acknowledged.delete(each);
    },
    settled: outbox.settled,
  };
}

/** Without the owner id: who reads it could decide in the holder's name. The fold of a tasks partition needs none. */
function withSource({ event }: Effect, source: Source): AgentEvent {
  const sent = { owner: processOfOwner(event.payload.owner), source };
  switch (event.event_type) {
    case 'task_assigned':
      return { ...event, payload: { ...event.payload, ...sent } };
    case 'task_cancelled':
      return { ...event, payload: { ...event.payload, ...sent } };
    case 'task_suspended':
      return { ...event, payload: { ...event.payload, ...sent } };
    case 'call_decided':
      return { ...event, payload: { ...event.payload, ...sent } };
  }
}

/** The assignment cannot be delivered: that is the end of the attempt. */
export function undeliverable(
  context: OrchestratorContext,
  { event }: Effect,
  error: AppendRejected | AppendForbidden,
): AgentEvent | null {
  if (event.event_type !== 'task_assigned') return null;
  // A topic or a right that is missing may be there for the next attempt.
  const mayPass = error instanceof AppendForbidden || error.cause instanceof TopicMissing;
  const { task_id, mission_id, attempt, owner, agent } = event.payload;
  return context.createEvent({
    type: 'task_failed',
    from: agent,
    to: 'orchestrator',
    missionId: mission_id,
    causedBy: event.event_id,
    payload: {
      task_id,
      mission_id,
      attempt,
      owner,
      error: `the assignment could not be written: ${error.message}`,
      code: mayPass ? 'undeliverable' : 'too_large',
      retriable: mayPass,
      steps: 0,
      model: '',
      tokens_in: 0,
      tokens_out: 0,
      cost_usd: 0,
      duration_ms: 0,
      checks: [],
      changed_paths: [],
      fenced: false,
      used_up_by: null,
      artifacts: null,
    },
  });
}
