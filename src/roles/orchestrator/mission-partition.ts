/** One assigned coordination partition: folds it, holds it, and carries out what was decided for its missions. */
import { misplacedInCoordination } from '../../domain/event-places.js';
import type { AgentEvent } from '../../domain/events.js';
import { answeredEffect, evolveCoordination, missionIdOf } from '../../domain/mission-evolve.js';
import { parseMissionId } from '../../domain/mission-id.js';
import {
  coordinationReplayPoint,
  forgetEffect,
  forgetEnded,
  forgetWork,
  restoreCoordination,
} from '../../domain/mission-replay.js';
import { createCoordinationState, isOpen, type Effect } from '../../domain/mission-state.js';
import type { ReplayPoint } from '../../domain/record.js';
import { replayStart } from '../../domain/replay-start.js';
import type { LogRecord, PartitionAssignment, PartitionConsumer } from '../../ports/log.js';
import { createClaim } from '../shared/claim.js';
import type { HeldClaim } from '../shared/partition-life.js';
import { createDeadLetters } from '../shared/dead-letters.js';
import { publishDependencyEvents } from './dependency-events.js';
import { createEffectSender, undeliverable } from './effect-sender.js';
import { createMissionDecisions } from './mission-decisions.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { createPlannerCalls } from './planner-calls.js';

export interface MissionPartition extends PartitionConsumer {
  readonly topic: string;
  readonly partition: number;
  held(): boolean;
  replayPoint(): ReplayPoint | null;
  onCommitted(point: ReplayPoint): void;
  /** Workers have come or gone, or hold other partitions. */
  onLiveChanged(): void;
  /** No new decisions; resolves when everything that was decided and read back has been sent. */
  drain(): Promise<void>;
}

/** @throws DataLoss when the replay point cannot be trusted */
export function openMissionPartition(context: OrchestratorContext, assignment: PartitionAssignment): MissionPartition {
  const { topic, partition } = assignment;
  const { appenders, ids, processId } = context.deps;
  const logger = context.deps.logger.child({ topic, partition });
  const start = replayStart(assignment);
  const state =
    start.metadata === null
      ? createCoordinationState(partition)
      : restoreCoordination(partition, start.offset, start.metadata, (id) => parseMissionId(id)?.timeMs ?? null);
  const claim = createClaim({
    ...context.deps,
    createEvent: context.createEvent,
    partition: { topic, partition },
    appender: appenders.coordination,
    isAssigned: () => context.isAssigned({ topic, partition }),
    onFatal: context.onFatal,
  });
  const decisions = createMissionDecisions(context, { topic, partition, state, held: claim.held });
  const { writer } = decisions;
  const plannerCalls = createPlannerCalls(context, partition, writer.news);
  const effects = createEffectSender(context, {
    partition,
    onAcknowledged: (effect) => forgetEffect(state, effect),
    onRejected: (effect, error) => writer.news(undeliverable(context, effect, error)),
  });
  const deadLetters = createDeadLetters({
    ...context.deps,
    logger,
    isHeld: () => claim.held() !== null,
    onFatal: context.onFatal,
  });
  claim.start({ onHeld: hold, onLost: lose });

  function hold(held: HeldClaim): void {
    logger.info({ owner: held.owner, claim_offset: held.claimOffset }, 'partition.held');
    deadLetters.onHeld();
    if (state.epoch === null) {
      writer.append(
        context.createEvent({
          type: 'partition_opened',
          from: processId,
          payload: { epoch: ids.uuid().slice(0, 4), topic, partition },
        }),
        'epoch',
      );
    }
    resume();
    context.onHeldChanged();
  }

  /** Everything that the missions in the fold still need: unacknowledged effects, plans, decisions, timers. */
  function resume(): void {
    sendEffects([...state.missions.values()].flatMap((mission) => [...mission.effects.values()]));
    for (const mission of state.missions.values()) {
      if (!isOpen(mission)) continue;
      if (mission.planning.kind === 'requested') plannerCalls.call(mission, null);
      decisions.touch(mission.id, 'all', null);
    }
  }

  function sendEffects(unsent: readonly Effect[]): void {
    const { epoch } = state;
    if (epoch === null || claim.held() === null) return;
    for (const effect of [...unsent].sort((a, b) => a.offset - b.offset)) effects.send(effect, epoch);
  }

  function lose(): void {
    logger.info({}, 'partition.lost');
    decisions.reset();
    plannerCalls.stopAll();
    effects.reset();
    context.onHeldChanged();
  }

  function fold(record: LogRecord): void {
    if (record.content.kind === 'poison') return skip(record, record.content.reason);
    const { event } = record.content;
    const fault = misplacedInCoordination(partition, event);
    if (fault !== null) return skip(record, fault);
    const folded = evolveCoordination(state, { offset: record.offset, timestampMs: record.timestampMs, event });
    writer.onRead(event);
    if (folded.kind === 'void') {
      logger.debug({ offset: record.offset, event_type: event.event_type, why: folded.reason }, 'record.void');
      keepUnknownAgent(record, event);
      return;
    }
    react(event, record.offset);
    settle(event);
  }

  /**
   * A worker's answer shows that its assignment has arrived; of that, and of an ended mission, little has to be kept.
   */
  function settle(event: AgentEvent): void {
    const mission = state.missions.get(missionIdOf(event) ?? '');
    if (mission === undefined) return;
    const answered = answeredEffect(mission, event);
    if (answered !== null) {
      effects.acknowledge(answered);
      forgetEffect(state, answered);
    }
    if (!isOpen(mission)) forgetWork(state, mission.id);
  }

  function skip(record: LogRecord, fault: string): void {
    state.position = record.offset + 1;
    deadLetters.skip(record, fault);
  }

  /** Only where the fold made nothing of it: what is void must not depend on the agents that this build has. */
  function keepUnknownAgent(record: LogRecord, { event_type, payload }: AgentEvent): void {
    if (!('agent' in payload) || context.taskPartitions.count(payload.agent) !== null) return;
    deadLetters.skip(record, `${event_type} is for ${payload.agent}, and this swarm has no such agent`);
  }

  function react(event: AgentEvent, offset: number): void {
    if (event.event_type === 'partition_claimed') return claim.onRead(event.payload.owner, offset);
    if (claim.held() === null) return;
    if (event.event_type === 'partition_opened') return resume();
    const missionId = missionIdOf(event);
    const mission = missionId === null ? undefined : state.missions.get(missionId);
    if (mission === undefined) return;
    decisions.touch(mission.id, concernedTasks(event), event);
    if (event.event_type === 'task_assigned' || event.event_type === 'task_cancelled') sendEffects([{ offset, event }]);
    if (event.event_type === 'plan_requested') plannerCalls.call(mission, event.event_id);
    else if (mission.planning.kind !== 'requested' || !isOpen(mission)) plannerCalls.stop(mission.id);
    publishDependencyEvents(context, mission, event);
  }

  return {
    topic,
    partition,
    held: () => claim.held() !== null,
    onRecords(records) {
      for (const record of records) fold(record);
      decisions.tick();
    },
    onBlocked: (offset, reason) => context.blocked.block({ topic, partition }, offset, reason),
    onUnblocked: () => context.blocked.unblock({ topic, partition }),
    onClosed() {
      context.blocked.forget({ topic, partition });
      claim.close();
    },
    replayPoint: () =>
      claim.held() === null || !deadLetters.isSettled() ? null : coordinationReplayPoint(state, effects.isAcknowledged),
    onCommitted(point) {
      forgetEnded(state, point.offset, effects.isAcknowledged);
      effects.forgetBelow(point.offset);
    },
    onLiveChanged: decisions.onLiveChanged,
    async drain() {
      decisions.stop();
      plannerCalls.stopAll();
      await Promise.all([effects.settled(), deadLetters.settled()]);
    },
  };
}

/** Tasks whose waits an event may change: one at most, but for those that change the plan or the mission. */
function concernedTasks({ event_type, payload }: AgentEvent): 'all' | readonly string[] {
  switch (event_type) {
    case 'wave_started':
    case 'wave_completed':
    case 'squad_ready':
    case 'model_failed_over':
      return [];
    case 'attention_requested':
      return 'all';
    default:
      return 'task_id' in payload && payload.task_id !== null ? [payload.task_id] : 'all';
  }
}
