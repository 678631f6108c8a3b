/** Decides for the missions of a held coordination partition: at each beat for those to which something has happened. */
import { playbookChecks } from '../../domain/agent-spec.js';
import { backoffMs } from '../../domain/backoff.js';
import { clamp } from '../../domain/budget.js';
import { leftForPlanning } from '../../domain/mission-budget.js';
import type { AgentEvent } from '../../domain/events.js';
import { decideMission, failMission, type DecideContext, type Decision } from '../../domain/mission-decide.js';
import type { CoordinationState, Mission } from '../../domain/mission-state.js';
import { missionTimers, timerKeys } from '../../domain/mission-timers.js';
import { partitionForKey } from '../../domain/partitioning.js';
import type { PartitionId } from '../../ports/log.js';
import type { HeldClaim } from '../shared/partition-life.js';
import { createTriggers, type Triggers } from './decision-cause.js';
import { createDecisionWriter, type DecisionWriter } from './decision-writer.js';
import { createMissionClock } from './mission-clock.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { planRequestOf } from './planner-calls.js';
import { createSquadAnnouncer } from './squad-announcer.js';
import { createUnservedAnnouncer } from './unserved-announcer.js';

export interface MissionDecisions {
  readonly writer: DecisionWriter;
  /** The next beat decides for the mission. event: the record that asks for it; null where none does. */
  touch(missionId: string, event: AgentEvent | null): void;
  /** Decides for what was touched, unless own decisions were not read back yet. */
  beat(): void;
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

export function createMissionDecisions(
  context: OrchestratorContext,
  { topic, partition, state, held }: MissionDecisionsDeps,
): MissionDecisions {
  const { clock, planner, roster, random } = context.deps;
  /** Missions to decide for, each with what asks for it. */
  const touched = new Map<string, Triggers>();
  /** Missions of which a decision cannot be written, and why. They fail once all that was decided has been read back. */
  const undecidable = new Map<string, string>();
  let stopped = false;

  const timers = createMissionClock(clock, (missionId) => {
    touch(missionId, null);
    beat();
  });
  const writer = createDecisionWriter(context, {
    topic,
    partition,
    onUndecidable(missionId, reason) {
      if (held() === null) return;
      undecidable.set(missionId, reason);
      touch(missionId, null);
      beat();
    },
  });
  const squads = createSquadAnnouncer(context, writer.news);
  const unserved = createUnservedAnnouncer(context, timers.isExpired, writer.news);

  function touch(missionId: string, event: AgentEvent | null): void {
    const triggers = touched.get(missionId) ?? createTriggers();
    touched.set(missionId, triggers);
    if (event === null) triggers.onOther();
    else triggers.onRecord(event);
  }

  function beat(): void {
    const claim = held();
    if (claim === null || stopped || writer.isWaiting() || state.epoch === null) return;
    for (const [id, triggers] of touched) {
      const mission = state.missions.get(id);
      if (mission === undefined) continue;
      timers.set(
        id,
        missionTimers(mission, context.timings, (taskId) => timeoutMsOf(mission, taskId)),
      );
      for (const decision of decideNext(mission, claim.owner))
        writer.decide(mission, decision, triggers.causeOf(decision));
      squads.announce(mission);
      unserved.announce(mission);
    }
    touched.clear();
  }

  function decideNext(mission: Mission, owner: string): readonly Decision[] {
    const reason = undecidable.get(mission.id);
    if (reason === undefined) return decideMission(mission, decideContext(owner));
    return mission.status === 'open' ? failMission(mission, { owner }, reason) : [];
  }

  function decideContext(owner: string): DecideContext {
    return {
      owner,
      isExpired: timers.isExpired,
      isServed: context.live.isServed,
      partitionFor: (agent, key) => {
        const count = context.taskPartitions.count(agent);
        return count === null ? null : partitionForKey(key, count);
      },
      timeoutSeconds,
      revisionOf,
      retryDelayMs: (failures) => Math.round(backoffMs(failures, context.timings.retryBackoff, random)),
      // Never more than there is: a planner whose worst case does not fit is passed over.
      planningWorstCase: (mission) =>
        clamp(planner.worstCase(planRequestOf(mission, mission.revision + 1)), leftForPlanning(mission)),
    };
  }

  const timeoutSeconds = (agent: string): number => roster.find((spec) => spec.name === agent)?.timeoutSeconds ?? 300;
  const revisionOf: DecideContext['revisionOf'] = (agent, playbook) => {
    const spec = roster.find(({ name }) => name === agent);
    return {
      digest: spec?.digest ?? null,
      playbookAcceptance: spec === undefined ? null : playbookChecks(spec, playbook),
    };
  };
  const timeoutMsOf = (mission: Mission, taskId: string): number => {
    const plan = mission.tasks.get(taskId)?.plan;
    return 1000 * (plan?.timeout_seconds ?? timeoutSeconds(plan?.agent ?? ''));
  };

  /** An assignment that waited for a worker in vain gets its whole start deadline once there is one. */
  function restartAcceptTimers(): void {
    for (const mission of state.missions.values()) {
      for (const task of mission.tasks.values()) {
        if (task.status !== 'assigned') continue;
        const key = timerKeys.accept(mission.id, task.id, task.attempt);
        if (timers.isExpired(key) && context.live.isServed(task.plan.agent)) {
          timers.restart(mission.id, { key, delayMs: context.timings.acceptMs });
        }
      }
    }
  }

  return {
    writer,
    beat,
    touch,
    onLiveChanged() {
      if (held() === null) return;
      restartAcceptTimers();
      for (const mission of state.missions.values()) {
        squads.announce(mission);
        if (state.epoch !== null && !stopped) unserved.announce(mission);
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
      unserved.reset();
      timers.clear();
    },
  };
}
