/** One assigned coordination partition: folds it, holds it, and carries out what was decided for its missions. */
import { misplacedInCoordination } from '../../domain/event-places.js';
import type { AgentEvent } from '../../domain/events.js';
import { answeredEffect, evolveCoordination, missionIdOf } from '../../domain/mission-evolve.js';
import { parseMissionId } from '../../domain/mission-id.js';
import { usageOf } from '../../domain/mission-budget.js';
import { isPaused } from '../../domain/mission-pause.js';
import {
  coordinationReplayPoint,
  forgetEffect,
  forgetEnded,
  forgetWork,
  restoreCoordination,
} from '../../domain/mission-replay.js';
import {
  createCoordinationState,
  isEffect,
  isOpen,
  type CoordinationState,
  type Effect,
  type Mission,
} from '../../domain/mission-state.js';
import type { ReplayPoint } from '../../domain/record.js';
import type { LogRecord, PartitionAssignment, PartitionConsumer, PartitionId } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import { createClaim, type Claim } from '../shared/claim.js';
import { foldStart } from '../shared/fold-start.js';
import type { HeldClaim } from '../shared/partition-life.js';
import { createDeadLetters, type DeadLetters } from '../shared/dead-letters.js';
import { publishDependencyEvents } from './dependency-events.js';
import { createEffectSender, undeliverable, type EffectSender } from './effect-sender.js';
import { createMissionDecisions, type MissionDecisions } from './mission-decisions.js';
import { logMission } from './mission-log.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { createPlannerCalls, type PlannerCalls } from './planner-calls.js';
import { tasksChangedBy, type ChangedTasks } from './touched-missions.js';

export interface MissionPartition extends PartitionConsumer {
  readonly topic: string;
  readonly partition: number;
  held(): boolean;
  replayPoint(): ReplayPoint | null;
  onCommitted(point: ReplayPoint): void;
  /** Workers have come or gone, or hold other partitions. */
  onLiveChanged(): void;
  /** The agents of this process have changed. */
  onAgentsChanged(): void;
  /** The daily cap is reached, or is no more. */
  onCapChanged(): void;
  /** No new decisions; resolves when everything that was decided and read back has been sent. */
  drain(): Promise<void>;
}

/** The parts of an open partition. Each is made before anything refers to it. */
interface Parts extends PartitionId {
  readonly context: OrchestratorContext;
  readonly logger: Logger;
  readonly state: CoordinationState;
  readonly claim: Claim;
  readonly deadLetters: DeadLetters;
  readonly decisions: MissionDecisions;
  readonly plannerCalls: PlannerCalls;
  readonly effects: EffectSender;
  /** Missions whose planner was not called, because they are paused. */
  readonly uncalled: Set<string>;
}

/** @throws DataLoss when the replay point cannot be trusted */
export function openMissionPartition(context: OrchestratorContext, assignment: PartitionAssignment): MissionPartition {
  const parts = createParts(context, assignment);
  const { topic, partition, state, claim, deadLetters, decisions, plannerCalls, effects } = parts;
  claim.start({ onHeld: (held) => hold(parts, held), onLost: (how) => lose(parts, how) });
  return {
    topic,
    partition,
    held: () => claim.held() !== null,
    onRecords(records) {
      for (const record of records) takeRecord(parts, record);
      context.cap.note(partition, state.today);
      decisions.tick();
    },
    room: deadLetters.room,
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
    onAgentsChanged: decisions.onAgentsChanged,
    onCapChanged: decisions.onCapChanged,
    async drain() {
      decisions.stop();
      plannerCalls.stopAll();
      await Promise.all([effects.settled(), deadLetters.settled()]);
    },
  };
}

function createParts(context: OrchestratorContext, assignment: PartitionAssignment): Parts {
  const { topic, partition } = assignment;
  const { deps, createEvent, onFatal } = context;
  const logger = deps.logger.child({ topic, partition });
  const state = stateAt(assignment, logger);
  const claim = createClaim({
    ...deps,
    createEvent,
    partition: { topic, partition },
    appender: deps.appenders.coordination,
    isAssigned: () => context.isAssigned({ topic, partition }),
    onFatal,
  });
  const decisions = createMissionDecisions(context, { topic, partition, state, held: claim.held });
  const { news } = decisions.writer;
  const plannerCalls = createPlannerCalls({ context, partition, news, held: claim.held });
  const effects = createEffectSender(context, {
    partition,
    onAcknowledged: (effect) => forgetEffect(state, effect),
    onRejected: (effect, error) => news(undeliverable(context, effect, error)),
  });
  const deadLetters = createDeadLetters({ ...deps, logger, isHeld: () => claim.held() !== null, onFatal });
  const uncalled = new Set<string>();
  return { context, topic, partition, logger, state, claim, deadLetters, decisions, plannerCalls, effects, uncalled };
}

function stateAt(assignment: PartitionAssignment, logger: Logger): CoordinationState {
  const { offset, metadata } = foldStart(assignment, logger);
  return metadata === null
    ? createCoordinationState(assignment.partition)
    : restoreCoordination(assignment.partition, offset, metadata, (id) => parseMissionId(id)?.timeMs ?? null);
}

function hold(parts: Parts, held: HeldClaim): void {
  const { context, topic, partition, state, decisions } = parts;
  parts.logger.debug({ owner: held.owner, claim_offset: held.claimOffset }, 'partition.held');
  context.deps.onPartition?.('held', { topic, partition });
  parts.deadLetters.onHeld();
  if (state.epoch === null) {
    const { processId, ids } = context.deps;
    const payload = { epoch: ids.uuid().slice(0, 4), topic, partition };
    decisions.writer.append(context.createEvent({ type: 'partition_opened', from: processId, payload }), 'epoch');
  }
  resume(parts);
  context.onHeldChanged();
}

/** Everything that the missions in the fold still need: unacknowledged effects, plans, decisions, timers. */
function resume(parts: Parts): void {
  const { state, decisions } = parts;
  const unsent = [...state.missions.values()].flatMap((mission) => [...mission.effects.values()]);
  sendEffects(parts, unsent);
  for (const mission of state.missions.values()) {
    if (!isOpen(mission)) continue;
    callPlanner(parts, mission, null);
    decisions.touch(mission.id, 'all', null);
  }
}

/** A planner that was asked for before a pause is called after it. */
function callPlanner({ plannerCalls, uncalled }: Parts, mission: Mission, causedBy: string | null): void {
  if (mission.planning.kind !== 'requested') return;
  if (isPaused(mission)) return void uncalled.add(mission.id);
  uncalled.delete(mission.id);
  plannerCalls.call(mission, causedBy);
}

function sendEffects({ state, claim, effects }: Parts, unsent: readonly Effect[]): void {
  const { epoch } = state;
  if (epoch === null || claim.held() === null) return;
  for (const effect of [...unsent].sort((a, b) => a.offset - b.offset)) effects.send(effect, epoch);
}

function lose(parts: Parts, how: 'released' | 'lost'): void {
  const { context, topic, partition, logger, decisions, plannerCalls, effects, uncalled } = parts;
  logger.debug({}, `partition.${how}`);
  context.deps.onPartition?.(how, { topic, partition });
  uncalled.clear();
  decisions.reset();
  plannerCalls.stopAll();
  effects.reset();
  context.onHeldChanged();
}

function takeRecord(parts: Parts, record: LogRecord): void {
  if (record.content.kind === 'poison') return skip(parts, record, record.content.reason);
  const { event } = record.content;
  const fault = misplacedInCoordination(parts.partition, event);
  if (fault !== null) return skip(parts, record, fault);
  const { offset, timestampMs } = record;
  const changed = tasksChangedBy(event, parts.state.missions.get(missionIdOf(event) ?? ''));
  const folded = evolveCoordination(parts.state, { offset, timestampMs, event });
  parts.decisions.writer.onRead(event);
  if (folded.kind === 'void') {
    parts.logger.debug({ offset, event_type: event.event_type, why: folded.reason }, 'record.void');
    const mission = parts.state.missions.get(missionIdOf(event) ?? '');
    parts.context.voidRequests.onVoid({ offset, timestampMs, event }, mission, parts.logger);
    return keepUnknownAgent(parts, record, event);
  }
  react(parts, event, offset, changed);
  settle(parts, event);
}

function skip({ state, deadLetters }: Parts, record: LogRecord, fault: string): void {
  state.position = record.offset + 1;
  deadLetters.skip(record, fault);
}

/** Only where the fold made nothing of it: what is void must not depend on the agents that this build has. */
function keepUnknownAgent(
  { context, deadLetters }: Parts,
  record: LogRecord,
  { event_type, payload }: AgentEvent,
): void {
  if (!('agent' in payload) || context.taskPartitions.count(payload.agent) !== null) return;
  deadLetters.skip(record, `${event_type} is for ${payload.agent}, and this swarm has no such agent`);
}

function react(parts: Parts, event: AgentEvent, offset: number, changed: ChangedTasks): void {
  const { context, state, claim, decisions, plannerCalls } = parts;
  if (event.event_type === 'partition_claimed') return claim.onRead(event.payload.owner, offset);
  if (claim.held() === null) return;
  if (event.event_type === 'partition_opened') return resume(parts);
  const mission = state.missions.get(missionIdOf(event) ?? '');
  if (mission === undefined) return;
  context.voidRequests.onRecorded(event);
  logMission(context.deps.logger, mission, event);
  if (mission.endedAt === offset)
    context.deps.metrics.missionEnded(usageOf(mission).usd, mission.atPlannerPrice?.usd ?? null);
  decisions.touch(mission.id, changed, event);
  if (isEffect(event)) sendEffects(parts, [{ offset, event }]);
  if (mission.planning.kind !== 'requested' || !isOpen(mission)) plannerCalls.stop(mission.id);
  else if (event.event_type === 'plan_requested') callPlanner(parts, mission, event.event_id);
  else if (parts.uncalled.has(mission.id)) callPlanner(parts, mission, null);
  publishDependencyEvents(context, mission, event);
}

/**
 * A worker's answer shows that its assignment has arrived; of that, and of an ended mission, little has to be kept.
 */
function settle({ state, effects }: Parts, event: AgentEvent): void {
  const mission = state.missions.get(missionIdOf(event) ?? '');
  if (mission === undefined) return;
  const answered = answeredEffect(mission, event);
  if (answered !== null) {
    effects.acknowledge(answered);
    forgetEffect(state, answered);
  }
  if (!isOpen(mission)) forgetWork(state, mission.id);
}
