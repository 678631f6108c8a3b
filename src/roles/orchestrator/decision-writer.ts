/** Appends what the holder of a coordination partition decides, and knows what of it was not read back yet. */
import type { AgentEvent } from '../../domain/events.js';
import type { Decision } from '../../domain/mission-decide.js';
import { missionIdOf } from '../../domain/mission-evolve.js';
import { isEffect, type Mission } from '../../domain/mission-state.js';
import { AppendDropped, AppendRejected, type PartitionId } from '../../ports/log.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { asError } from '../../domain/as-error.js';

export interface DecisionWriter {
  /** cause: event_id of the record that led to the decision; null where none did. */
  decide(mission: Mission, decision: Decision, cause: string | null): void;
  /** Appends an event that must be read back before anything new is decided. */
  append(event: AgentEvent, key: string): void;
  /** Appends an event that is no decision; null is nothing to tell. */
  readonly news: (event: AgentEvent | null) => void;
  onRead(event: AgentEvent): void;
  /** Whether own decisions were not read back yet: until then nothing new is decided. */
  isWaiting(): boolean;
  /** The claim is lost: nothing of it is waited for, and what is queued is not sent. */
  reset(): void;
}

export interface DecisionWriterDeps extends PartitionId {
  /** The log can never take a decision for this mission (too large): it would be made again without end. */
  onUndecidable(missionId: string, reason: string): void;
}

export function createDecisionWriter(
  context: OrchestratorContext,
  { topic, partition, onUndecidable }: DecisionWriterDeps,
): DecisionWriter {
  const { coordination } = context.deps.appenders;
  const pending = createPending(context.deps);

  function decide(mission: Mission, decision: Decision, causedBy: string | null): void {
    const from = decision.event_type === 'plan_proposed' ? 'planner' : 'orchestrator';
    append(
      context.createEvent({
        type: decision.event_type,
        from,
        to: receiverOf(decision),
        missionId: mission.id,
        causedBy,
        payload: decision.payload,
      }),
      mission.id,
    );
  }

  function append(event: AgentEvent, key: string): void {
    pending.add(event.event_id);
    coordination.append({ topic, partition, key, event }).catch((error: unknown) => {
      pending.delete(event.event_id);
      if (error instanceof AppendDropped) return;
      const final = event.event_type === 'mission_failed' || event.event_type === 'task_cancelled';
      const missionId = missionIdOf(event);
      if (!(error instanceof AppendRejected) || final || missionId === null) return context.onFatal(asError(error));
      onUndecidable(missionId, `${event.event_type} could not be written: ${error.message}`);
    });
  }

  return {
    decide,
    append,
    news(event) {
      const missionId = event === null ? null : missionIdOf(event);
      if (event === null || missionId === null) return;
      coordination.append({ topic, partition, key: missionId, event }).catch((error: unknown) => {
        if (!(error instanceof AppendDropped)) context.onFatal(asError(error));
      });
    },
    onRead: (event) => pending.onRead(event.event_id),
    isWaiting: pending.isWaiting,
    reset() {
      pending.clear();
      coordination.dropQueued(
        (request) =>
          request.topic === topic && request.partition === partition && request.event.source_agent === 'orchestrator',
      );
    },
  };
}

/** Own events that were not read back yet, and since when they are under way. */
function createPending({ clock, metrics }: OrchestratorContext['deps']) {
  /** By event_id; monotonic. */
  const sinceMs = new Map<string, number>();
  return {
    add: (id: string) => void sinceMs.set(id, clock.monotonicMs()),
    delete: (id: string) => void sinceMs.delete(id),
    onRead(id: string) {
      const began = sinceMs.get(id);
      if (began === undefined) return;
      sinceMs.delete(id);
      metrics.readBack('coordination', clock.monotonicMs() - began);
    },
    isWaiting: () => sinceMs.size > 0,
    clear: () => sinceMs.clear(),
  };
}

/** The agent whose partition it is sent to; null: it is for the mission's readers. */
const receiverOf = (decision: Decision): string | null => (isEffect(decision) ? decision.payload.agent : null);
