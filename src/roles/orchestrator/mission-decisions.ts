/**
 * Decides for the missions of a held coordination partition: at each tick for those to which something has happened.
 */
import { backoffMs } from '../../domain/backoff.js';
import { clamp } from '../../domain/budget.js';
import { leftForPlanning } from '../../domain/mission-budget.js';
import type { AgentEvent } from '../../domain/events.js';
import { decideMission, failMission, type DecideContext, type Decision } from '../../domain/mission-decide.js';
import { isOpen, type CoordinationState, type Mission } from '../../domain/mission-state.js';
import type { MissionTask } from '../../domain/mission-task-state.js';
import { missionTimers, taskTimers, timerKeys } from '../../domain/mission-timers.js';
import { partitionForKey } from '../../domain/partitioning.js';
import type { PartitionId } from '../../ports/log.js';
import type { HeldClaim } from '../shared/partition-life.js';
import { createTriggers, type Triggers } from './decision-cause.js';
import { createDecisionWriter, type DecisionWriter } from './decision-writer.js';
import { createMissionClock } from './mission-clock.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { planRequestOf } from './planner-calls.js';
import { createSquadAnnouncer } from './squad-announcer.js';
import { createWithoutWorkerAnnouncer } from './without-worker-announcer.js';

export interface MissionDecisions {
  readonly writer: DecisionWriter;
  /**
   * The next tick decides for the mission. tasks: those whose waits may have changed; event: the record that asks for
   * it, null where none does.
   */
  touch(missionId: string, tasks: 'all' | readonly string[], event: AgentEvent | null): void;
  /** Decides for what was touched, unless own decisions were not read back yet. */
  tick(): void;
  /** Workers have come or gone, or hold other partitions. */
  onLiveChanged(): void;
  /** Nothing new is decided any more. */
  stop(): void;
  /** The claim is lost. */
  reset(): void;
}

export interface MissionDecisionsDeps extends PartitionId {
  readonly state: CoordinationState;
  held(): HeldClaim | null;
}

interface Touched {
  tasks: 'all' | Set<string>;
  readonly triggers: Triggers;
}

export function createMissionDecisions(
  context: OrchestratorContext,
  { topic, partition, state, held }: MissionDecisionsDeps,
): MissionDecisions {
  const { clock, planner, roster, random } = context.deps;
  /** Missions to decide for, each with the tasks whose waits may have changed and with what asks for it. */
  const touched = new Map<string, Touched>();
  /**
   * Missions of which a decision cannot be written, and why. They fail once all that was decided has been read back.
   */
  const undecidable = new Map<string, string>();
  let stopped = false;
  /** As of the last sign of life. */
  let workers = '';

  const timers = createMissionClock(clock, (missionId, taskId) => {
    touch(missionId, taskId === null ? [] : [taskId], null);
    tick();
  });
  const writer = createDecisionWriter(context, {
    topic,
    partition,
    onUndecidable(missionId, reason) {
      if (held() === null) return;
      undecidable.set(missionId, reason);
      touch(missionId, [], null);
      tick();
    },
  });
  const squads = createSquadAnnouncer(context, writer.news);
  const withoutWorker = createWithoutWorkerAnnouncer(context, timers.isExpired, writer.news);

  function touch(missionId: string, tasks: 'all' | readonly string[], event: AgentEvent | null): void {
    const known = touched.get(missionId) ?? { tasks: new Set<string>(), triggers: createTriggers() };
    touched.set(missionId, known);
    if (tasks === 'all') known.tasks = 'all';
    else if (known.tasks !== 'all') for (const id of tasks) known.tasks.add(id);
    if (event === null) known.triggers.onOther();
    else known.triggers.onRecord(event);
  }

  function tick(): void {
    const claim = held();
    if (claim === null || stopped || writer.isWaiting() || state.epoch === null) return;
    for (const [id, { tasks: ids, triggers }] of touched) {
      const mission = state.missions.get(id);
      if (mission === undefined) continue;
      const tasks =
        ids === 'all' ? [...mission.tasks.values()] : [...ids].flatMap((each) => mission.tasks.get(each) ?? []);
      setTimers(mission, tasks);
      for (const decision of decideNext(mission, claim.owner))
        writer.decide(mission, decision, triggers.causeOf(decision));
      squads.announce(mission);
      withoutWorker.announce(mission, tasks);
    }
    touched.clear();
  }

  function setTimers(mission: Mission, tasks: readonly MissionTask[]): void {
    if (!isOpen(mission)) return timers.end(mission.id);
    timers.setMission(mission.id, missionTimers(mission, context.timings));
    for (const task of tasks)
      timers.setTask(mission.id, task.id, taskTimers(mission, task, context.timings, timeoutMsOf(task)));
  }

  function decideNext(mission: Mission, owner: string): readonly Decision[] {
    const reason = undecidable.get(mission.id);
    if (reason === undefined) return decideMission(mission, decideContext(owner));
    return isOpen(mission) ? failMission(mission, { owner }, reason) : [];
  }

  function decideContext(owner: string): DecideContext {
    return {
      owner,
      isExpired: timers.isExpired,
      tasksWithExpired: timers.tasksWithExpired,
      hasWorker: context.live.hasWorker,
      partitionFor: (agent, key) => {
        const count = context.taskPartitions.count(agent);
        return count === null ? null : partitionForKey(key, count);
      },
      ...context.agents,
      retryDelayMs: (failures) => Math.round(backoffMs(failures, context.timings.retryBackoff, random)),
      // Never more than there is: a planner whose worst case does not fit is skipped.
      planningWorstCase: (mission) =>
        clamp(planner.worstCase(planRequestOf(mission, mission.revision + 1)), leftForPlanning(mission)),
    };
  }

  const timeoutMsOf = ({ plan }: MissionTask): number =>
    1000 * (plan.timeout_seconds ?? context.agents.timeoutSeconds(plan.agent));

  /** Which agents have a worker, and since when the others have none, in one text to compare. */
  const workersNow = (): string =>
    JSON.stringify([
      context.live.observedFullInterval(),
      roster.map(({ name }) => context.live.withoutWorkerSinceMs(name)),
    ]);

  /** An assignment whose wait for a worker expired gets its whole start deadline once there is one. */
  function restartAcceptTimers(mission: Mission): void {
    for (const id of [...timers.tasksWithExpired(mission.id)]) {
      const task = mission.tasks.get(id);
      if (task?.status !== 'assigned') continue;
      const key = timerKeys.accept(mission.id, id, task.attempt);
      if (timers.isExpired(key) && context.live.hasWorker(task.plan.agent))
        timers.restart(mission.id, id, { key, delayMs: context.timings.acceptMs });
    }
  }

  return {
    writer,
    tick,
    touch,
    onLiveChanged() {
      if (held() === null) return;
      const now = workersNow();
      const changed = now !== workers;
      workers = now;
      for (const mission of state.missions.values()) {
        squads.announce(mission);
        if (!changed) continue; // at every sign of life, however many attempts are open
        restartAcceptTimers(mission);
        if (state.epoch !== null && !stopped) withoutWorker.announce(mission, mission.index.open.values());
      }
    },
    stop() {
      stopped = true;
      timers.clear();
    },
    reset() {
      writer.reset();
      touched.clear();
      undecidable.clear();
      squads.reset();
      withoutWorker.reset();
      workers = '';
      timers.clear();
    },
  };
}
