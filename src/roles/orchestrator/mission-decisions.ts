/**
 * Decides for the missions of a held coordination partition: at each tick for those to which something has happened.
 */
import { planDigest } from '../../agent/plan-digest.js';
import { backoffMs } from '../../domain/backoff.js';
import { clamp } from '../../domain/budget.js';
import { decideBudgetUse } from '../../domain/budget-use.js';
import { leftForPlanning } from '../../domain/mission-budget.js';
import {
  decideMission,
  failMission,
  missingAgents,
  type DecideContext,
  type Decision,
} from '../../domain/mission-decide.js';
import { lacksOperators } from '../../domain/request-decisions.js';
import { isOpen, type CoordinationState, type Mission } from '../../domain/mission-state.js';
import type { MissionTask } from '../../domain/mission-task-state.js';
import { missionTimers, taskTimers } from '../../domain/mission-timers.js';
import { partitionForKey } from '../../domain/partitioning.js';
import type { PartitionId } from '../../ports/log.js';
import type { HeldClaim } from '../shared/partition-life.js';
import { createDecisionWriter, type DecisionWriter } from './decision-writer.js';
import { createMissionClock, type MissionClock } from './mission-clock.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { planRequestOf } from './plan-request.js';
import { createSquadAnnouncer, type SquadAnnouncer } from './squad-announcer.js';
import { createTouchedMissions, type TouchedMission, type TouchedMissions } from './touched-missions.js';
import { createWithoutAgentAnnouncer, type WithoutAgentAnnouncer } from './without-agent-announcer.js';
import { createWithoutWorkerAnnouncer, type WithoutWorkerAnnouncer } from './without-worker-announcer.js';
import { aboutMission } from './mission-log.js';

export interface MissionDecisions {
  readonly writer: DecisionWriter;
  /** The next tick decides for the mission. */
  readonly touch: TouchedMissions['touch'];
  /** Decides for what was touched, unless own decisions were not read back yet. */
  tick(): void;
  /** Workers have come or gone, or hold other partitions. */
  onLiveChanged(): void;
  /** The agents of this process have changed: what waits for one may continue. */
  onAgentsChanged(): void;
  /** The daily cap is reached, or is no more. */
  onCapChanged(): void;
  /** Nothing new is decided any more. */
  stop(): void;
  /** The claim is lost. */
  reset(): void;
}

export interface MissionDecisionsDeps extends PartitionId {
  readonly state: CoordinationState;
  held(): HeldClaim | null;
}

/** What the functions below share. */
interface Parts extends MissionDecisionsDeps {
  readonly context: OrchestratorContext;
  readonly touched: TouchedMissions;
  /**
   * Missions of which a decision cannot be written, and why. They fail once all that was decided has been read back.
   */
  readonly undecidable: Map<string, string>;
  /** Missions whose requests wait for an orchestrator with an operators file. */
  readonly warned: Set<string>;
  readonly timers: MissionClock;
  readonly writer: DecisionWriter;
  readonly squads: SquadAnnouncer;
  readonly withoutWorker: WithoutWorkerAnnouncer;
  readonly withoutAgent: WithoutAgentAnnouncer;
  stopped: boolean;
  /** Which agents had a worker at the last sign of life (workersNow). */
  workers: string;
}

export function createMissionDecisions(context: OrchestratorContext, deps: MissionDecisionsDeps): MissionDecisions {
  const parts = createParts(context, deps);
  const { touched, timers, writer } = parts;
  return {
    writer,
    touch: touched.touch,
    tick: () => tick(parts),
    onLiveChanged: () => onLiveChanged(parts),
    onAgentsChanged: () => onAgentsChanged(parts),
    onCapChanged() {
      if (deps.held() === null) return;
      for (const mission of deps.state.missions.values()) if (isOpen(mission)) touched.touch(mission.id, [], null);
      tick(parts);
    },
    stop() {
      parts.stopped = true;
      timers.clear();
    },
    reset: () => reset(parts),
  };
}

function createParts(context: OrchestratorContext, deps: MissionDecisionsDeps): Parts {
  const { topic, partition, held } = deps;
  const touched = createTouchedMissions();
  const undecidable = new Map<string, string>();
  const timers = createMissionClock(context.deps.clock, (missionId, taskId) => {
    touched.touch(missionId, taskId === null ? [] : [taskId], null);
    tick(parts);
  });
  const writer = createDecisionWriter(context, {
    topic,
    partition,
    onUndecidable(missionId, reason) {
      if (held() === null) return;
      undecidable.set(missionId, reason);
      touched.touch(missionId, [], null);
      tick(parts);
    },
  });
  const parts: Parts = {
    ...deps,
    context,
    touched,
    undecidable,
    warned: new Set(),
    timers,
    writer,
    squads: createSquadAnnouncer(context, writer.news),
    withoutWorker: createWithoutWorkerAnnouncer(context, timers.isExpired, writer.news),
    withoutAgent: createWithoutAgentAnnouncer(context, writer.news),
    stopped: false,
    workers: '',
  };
  return parts;
}

function tick(parts: Parts): void {
  const { state, touched, timers, writer, squads, withoutWorker, withoutAgent } = parts;
  const claim = parts.held();
  if (claim === null || parts.stopped || writer.isWaiting() || state.epoch === null) return;
  const context = decideContext(parts, claim.owner);
  for (const [id, changed] of touched.all()) {
    const mission = state.missions.get(id);
    if (mission === undefined) continue;
    const tasks = changedTasks(mission, changed);
    setTimers(parts.context, timers, mission, tasks);
    for (const decision of decideNext(parts, mission, context))
      writer.decide(mission, decision, changed.triggers.causeOf(decision));
    squads.announce(mission);
    withoutWorker.announce(mission, tasks);
    warnOfRequests(parts, mission, context);
    withoutAgent.announce(mission, tasks, missingAgents(mission, context));
  }
  touched.clear();
}

/** Once for a mission and claim. */
function warnOfRequests({ warned, context }: Parts, mission: Mission, decides: DecideContext): void {
  if (warned.has(mission.id) || !lacksOperators(mission, decides)) return;
  warned.add(mission.id);
  const why = 'its request was signed, and this orchestrator has no operators file: start it with OPERATORS_FILE';
  context.deps.logger.warn({ ...aboutMission(mission), why }, 'requests.wait');
}

function changedTasks(mission: Mission, { tasks: ids }: TouchedMission): readonly MissionTask[] {
  if (ids === 'all') return [...mission.tasks.values()];
  return [...ids].flatMap((id) => mission.tasks.get(id) ?? []);
}

function setTimers(
  { timings }: OrchestratorContext,
  timers: MissionClock,
  mission: Mission,
  tasks: readonly MissionTask[],
): void {
  if (!isOpen(mission)) return timers.end(mission.id);
  timers.setMission(mission.id, missionTimers(mission, timings));
  for (const task of tasks) timers.setTask(mission.id, task.id, taskTimers(mission, task, timings));
}

function decideNext({ undecidable }: Parts, mission: Mission, context: DecideContext): readonly Decision[] {
  const reason = undecidable.get(mission.id);
  if (reason === undefined) return decideMission(mission, context);
  return isOpen(mission) ? [...decideBudgetUse(mission, context), ...failMission(mission, context, reason)] : [];
}

function decideContext({ context, timers }: Parts, owner: string): DecideContext {
  const { planner, random } = context.deps;
  return {
    ...context.agents,
    owner,
    isExpired: timers.isExpired,
    expiredWaits: timers.expiredWaits,
    hasWorker: context.live.hasWorker,
    partitionFor(agent, key) {
      const count = context.agents.isKnown(agent) ? context.taskPartitions.count(agent) : null;
      return count === null ? null : partitionForKey(key, count);
    },
    retryDelayMs: (failures) => Math.round(backoffMs(failures, context.timings.retryBackoff, random)),
    cap: context.cap.reached(),
    verifyAnswer: context.deps.verifyAnswer ?? (() => null),
    verifyRequest: context.deps.verifyRequest ?? null,
    planDigest,
    plannerPrice: planner.pricedModel,
    planningWorstCase: (mission) =>
      // Never more than there is: a planner whose worst case does not fit is skipped.
      clamp(planner.worstCase(planRequestOf(mission, null, mission.revision + 1)), leftForPlanning(mission)),
  };
}

function onLiveChanged(parts: Parts): void {
  const { context, state, squads, withoutWorker } = parts;
  if (parts.held() === null) return;
  const now = workersNow(context);
  const changed = now !== parts.workers;
  parts.workers = now;
  for (const mission of state.missions.values()) {
    squads.announce(mission);
    if (!changed) continue; // at every sign of life, however many attempts are open
    restartAcceptTimers(parts, mission);
    if (state.epoch !== null && !parts.stopped) withoutWorker.announce(mission, mission.index.open.values());
  }
}

function onAgentsChanged(parts: Parts): void {
  if (parts.held() === null) return;
  for (const mission of parts.state.missions.values())
    if (isOpen(mission)) parts.touched.touch(mission.id, 'all', null);
  tick(parts);
}

/** Which agents have a worker, and since when the others have none, in one text to compare. */
function workersNow({ live, deps: { roster } }: OrchestratorContext): string {
  return JSON.stringify([
    live.observedFullInterval(),
    roster.list().map(({ name }) => live.withoutWorkerSinceMs(name)),
  ]);
}

/** An assignment whose wait for a worker expired gets its whole start deadline once there is one. */
function restartAcceptTimers({ context, timers }: Parts, mission: Mission): void {
  for (const task of mission.index.open.values()) {
    if (task.status !== 'assigned' || !context.live.hasWorker(task.plan.agent)) continue;
    for (const timer of taskTimers(mission, task, context.timings))
      if (timer.wait?.kind === 'accept' && timers.isExpired(timer.key)) timers.restart(mission.id, task.id, timer);
  }
}

function reset(parts: Parts): void {
  parts.writer.reset();
  parts.touched.clear();
  parts.undecidable.clear();
  parts.warned.clear();
  parts.squads.reset();
  parts.withoutWorker.reset();
  parts.withoutAgent.reset();
  parts.workers = '';
  parts.timers.clear();
}
