/** Random missions to their end: what no history may break. */
import fc from 'fast-check';
import { endReasonOf, isOpen, statusOf } from '../../src/domain/mission-state.js';
import { isDeepStrictEqual } from 'node:util';
import { addCost, NOTHING, type Cost } from '../../src/domain/budget.js';
import { decideMission, MAX_REPLANS } from '../../src/domain/mission-decide.js';
import { evolveCoordination } from '../../src/domain/mission-evolve.js';
import { parseMissionId } from '../../src/domain/mission-id.js';
import { coordinationReplayPoint, forgetEnded, restoreCoordination } from '../../src/domain/mission-replay.js';
import {
  createCoordinationState,
  type CoordinationState,
  type Effect,
  type Mission,
} from '../../src/domain/mission-state.js';
import { endedWell, hasOpenAttempt } from '../../src/domain/mission-task-state.js';
import type { FoldRecord } from '../../src/domain/record.js';
import { propertyRuns } from '../support/quick.js';
import type { Random } from './support/events.js';
import { PARTITION } from './support/mission-log.js';
import { missionHistories, plannerBound, runWorld, type MissionHistory } from './support/mission-world.js';
import { aside, choicesOf } from './support/moves.js';

const WORLDS = propertyRuns(400);

/** Checks a sentence for every history; random is for choices that are no part of it. */
function inEveryHistory(check: (history: MissionHistory, random: Random) => void): void {
  fc.assert(
    fc.property(missionHistories, aside, (history, other) => check(history, choicesOf(other))),
    { numRuns: WORLDS, seed: 1 },
  );
}

const missionsOf = (state: CoordinationState): readonly Mission[] => [...state.missions.values()];

describe('in every history of a coordination partition', () => {
  test('no decision is void when its own holder appends it, and deciding is pure', () => {
    const types = new Map<string, number>();
    inEveryHistory((history) => {
      runWorld(history, {
        onDecided(mission, decisions, context) {
          if (!isDeepStrictEqual(decideMission(mission, context), decisions))
            throw new Error('deciding twice gave two answers');
        },
        onFolded(_, { event }, folded, decided) {
          if (!decided) return;
          types.set(event.event_type, (types.get(event.event_type) ?? 0) + 1);
          if (folded !== 'applied') throw new Error(`${event.event_type} is ${folded}`);
        },
      });
    });
    const kinds = [
      'plan_requested',
      'plan_proposed',
      'plan_approved',
      'attention_requested',
      'wave_started',
      'wave_completed',
      'task_retry_scheduled',
      'task_assigned',
      'task_cancelled',
      'mission_completed',
      'mission_failed',
      'mission_cancelled',
    ];
    expect(kinds.filter((type) => (types.get(type) ?? 0) < WORLDS / 20)).toEqual([]);
  });

  test('every mission ends, and nothing is open or decided after its end', () => {
    const ends = { open: 0, completed: 0, failed: 0, cancelled: 0 };
    inEveryHistory((history) => {
      for (const mission of missionsOf(runWorld(history).state)) {
        ends[statusOf(mission)] += 1;
        if ([...mission.tasks.values()].some(hasOpenAttempt))
          throw new Error(`${mission.id} ended with an open attempt`);
        if (statusOf(mission) !== 'completed' && (endReasonOf(mission) ?? '') === '')
          throw new Error(`${mission.id} ended without a reason`);
        if (mission.replans > MAX_REPLANS || (mission.request.plan !== null && mission.revision > 1))
          throw new Error(`${mission.id} was planned too often`);
      }
    });
    expect(ends.open).toBe(0);
    expect(Math.min(ends.completed, ends.failed, ends.cancelled)).toBeGreaterThan(WORLDS / 8);
  });

  test('the next wave never starts over a failure, and no mission completes over one', () => {
    let started = 0;
    inEveryHistory((history) => {
      runWorld(history, {
        onFolded(world, { event }, folded) {
          if (folded !== 'applied' || (event.event_type !== 'wave_started' && event.event_type !== 'mission_completed'))
            return;
          started += 1;
          const mission = world.state.missions.get(event.payload.mission_id);
          const earlier =
            mission?.waves.filter(
              (wave) =>
                wave.status !== 'replaced' &&
                (event.event_type === 'mission_completed' || wave.number < event.payload.wave_number),
            ) ?? [];
          for (const wave of earlier) {
            const done =
              wave.status === 'completed' &&
              wave.taskIds.length > 0 &&
              wave.taskIds.every((id) => endedWellById(mission, id));
            if (!done) throw new Error(`${event.event_type} over wave ${wave.number}`);
          }
        },
      });
    });
    expect(started).toBeGreaterThan(WORLDS);
  });

  test('the budget is never exceeded, whatever was cancelled or lost', () => {
    let limited = 0;
    inEveryHistory((history) => {
      const planners = createPlannerLedger();
      runWorld(history, {
        onFolded(world, record, folded) {
          if (folded === 'applied') planners.onFolded(world.state, record);
          for (const mission of missionsOf(world.state)) {
            const most = addCost(planners.most(mission.id), mostOfTasks(mission));
            const { tokens, usd } = mission.request.budget;
            if ((tokens !== null && most.tokens > tokens) || (usd !== null && most.usd > usd + 1e-9))
              throw new Error(
                `${mission.id} may spend ${JSON.stringify(most)} ` +
                  `of ${JSON.stringify(mission.request.budget)} at ${record.offset}`,
              );
            if (tokens !== null && most.tokens > tokens * 0.9) limited += 1;
          }
        },
      });
    });
    expect(limited).toBeGreaterThan(WORLDS);
  });

  test('a fold from the replay point equals the fold from the beginning for everything that is not settled', () => {
    let passed = 0;
    inEveryHistory((history, random) => {
      const { records } = runWorld(history);
      const cut = random.below(records.length + 1);
      const then = foldAll(records.slice(0, cut));
      const effects = missionsOf(then).flatMap((mission) => [...mission.effects.values()]);
      const acknowledged = new Set(
        random.chance(0.5)
          ? effects.map((effect) => effect.offset)
          : effects.filter(() => random.chance(0.9)).map((effect) => effect.offset),
      );
      const isAcknowledged = (effect: Effect) => acknowledged.has(effect.offset);
      const point = coordinationReplayPoint(then, isAcknowledged);
      if (point === null) throw new Error('no replay point');
      forgetEnded(then, point.offset, isAcknowledged);

      const whole = foldAll(records);
      const replayed = foldAll(
        records.slice(point.offset),
        restoreCoordination(PARTITION, point.offset, point.metadata, (id) => parseMissionId(id)?.timeMs ?? null),
      );
      const forgetful = foldAll(records.slice(cut), then);
      for (const fold of [replayed, forgetful]) {
        const { holder, epoch, position, missions, requestedIds } = fold;
        const expected = new Map([...whole.missions].filter(([, mission]) => mission.firstOffset >= point.offset));
        const same = isDeepStrictEqual(
          { holder, epoch, position, missions, ids: new Map([...requestedIds].sort()) },
          {
            holder: whole.holder,
            epoch: whole.epoch,
            position: whole.position,
            missions: expected,
            ids: new Map([...whole.requestedIds].sort()),
          },
        );
        if (!same) throw new Error(`committed ${point.offset} at ${cut}: another state`);
      }
      const unsettled = missionsOf(whole).filter(
        (mission) =>
          isOpen(mission) ||
          [...mission.effects.values()].some((effect) => effect.offset < cut && !isAcknowledged(effect)),
      );
      if (unsettled.some((mission) => !replayed.missions.has(mission.id)))
        throw new Error(`committed ${point.offset} at ${cut}: a mission is lost`);
      if (point.offset > 3) passed += 1;
    });
    expect(passed).toBeGreaterThan(WORLDS / 5);
  });
});

const endedWellById = (mission: Mission | undefined, id: string): boolean => {
  const task = mission?.tasks.get(id);
  return task !== undefined && endedWell(task);
};

/** What tasks have used, what cancelled attempts may have used, and what open ones may still use. */
function mostOfTasks(mission: Mission): Cost {
  let most = NOTHING;
  for (const task of mission.tasks.values()) {
    most = addCost(most, task.spent);
    if (hasOpenAttempt(task)) most = addCost(most, { tokens: task.share.tokens ?? 0, usd: task.share.usd ?? 0 });
  }
  return most;
}

/**
 * What planners can really have spent: each holder that knew of a request has called one. The log does not tell which
 * of them answered.
 */
function createPlannerLedger() {
  const calls = new Map<string, Cost[]>();
  const settled = new Map<string, Cost>();
  let holder: string | null = null;
  const call = (mission: Mission) => calls.set(mission.id, [...(calls.get(mission.id) ?? []), plannerBound(mission)]);

  return {
    onFolded(state: CoordinationState, { event }: FoldRecord): void {
      const asking = missionsOf(state).filter((mission) => isOpen(mission) && mission.planning.kind === 'requested');
      if (event.event_type === 'partition_claimed' && event.payload.owner !== holder) asking.forEach(call);
      if (event.event_type === 'plan_requested')
        asking.filter((mission) => mission.id === event.payload.mission_id).forEach(call);
      holder = state.holder?.owner ?? null;
      if (event.event_type !== 'plan_proposed' && event.event_type !== 'plan_failed') return;
      const { mission_id, tokens_in, tokens_out, cost_usd } = event.payload;
      // One call says what it used; the others, of which the last had the least left, may have used all they could.
      const others = (calls.get(mission_id) ?? []).slice(0, -1).reduce(addCost, NOTHING);
      const answered = { tokens: tokens_in + tokens_out, usd: cost_usd };
      settled.set(mission_id, addCost(settled.get(mission_id) ?? NOTHING, addCost(others, answered)));
      calls.delete(mission_id);
    },
    most: (missionId: string): Cost => (calls.get(missionId) ?? []).reduce(addCost, settled.get(missionId) ?? NOTHING),
  };
}

function foldAll(
  records: readonly FoldRecord[],
  state: CoordinationState = createCoordinationState(PARTITION),
): CoordinationState {
  for (const record of records) evolveCoordination(state, record);
  return state;
}
