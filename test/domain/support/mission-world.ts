/** Missions of one coordination partition, driven by random workers, planners and people until each has ended. */
import fc from 'fast-check';
import { isOpen, lastWaveOf, questionOf } from '../../../src/domain/mission-state.js';
import { timersOf } from './mission-log.js';
import type { Folded } from '../../../src/domain/record.js';
import { NOTHING } from '../../../src/domain/budget.js';
import type { AgentEvent, EventOf } from '../../../src/domain/events.js';
import type { Cost } from '../../../src/domain/budget.js';
import { decideMission, type DecideContext, type Decision } from '../../../src/domain/mission-decide.js';
import { evolveCoordination } from '../../../src/domain/mission-evolve.js';
import { createMissionId } from '../../../src/domain/mission-id.js';
import { leftForPlanning } from '../../../src/domain/mission-budget.js';
import { createCoordinationState, type CoordinationState, type Mission } from '../../../src/domain/mission-state.js';
import { hasOpenAttempt, onlyOf, type MissionTask } from '../../../src/domain/mission-task-state.js';
import type { FoldRecord } from '../../../src/domain/record.js';
import { eventOf, T0, type Random } from './events.js';
import { aside, choicesOf, moves, type Move } from './moves.js';
import {
  accepted,
  allWaits,
  answered,
  approved,
  cancelRequested,
  claimed,
  completed,
  contextOf,
  failed,
  opened,
  PARTITION,
  planFailed,
  plannerUnreached,
  planOf,
  progress,
  proposed,
  rejected,
  requested,
  retryRequested,
  started,
} from './mission-log.js';

const AGENTS = ['cert_agent', 'env_agent', 'proxy_agent', 'cache_agent'];
const MISSIONS = 3;
/** Far more than any mission needs. */
const MOST_RECORDS = 5_000;

export interface World {
  readonly state: CoordinationState;
  readonly records: FoldRecord[];
  /** Called before each decision is appended, and after each record was folded. */
  readonly watch: Watch;
}

export interface Watch {
  onDecided?(mission: Mission, decisions: readonly Decision[], context: DecideContext): void;
  onFolded?(world: World, record: FoldRecord, folded: Folded['kind'], decided: boolean): void;
}

/** What happens to a partition: the moves first, then others, made from `rest`, until every mission has ended. */
export interface MissionHistory {
  readonly moves: readonly Move[];
  readonly rest: Move;
  /** Whether live workers serve the agents. */
  readonly hasWorker: boolean;
}

export const missionHistories: fc.Arbitrary<MissionHistory> = fc.record({
  moves: moves(75),
  rest: aside,
  hasWorker: fc.noBias(fc.integer({ min: 0, max: 2 })).map((draw) => draw !== 0),
});

/** Runs every mission of a history to its end. Throws when one never ends. */
export function runWorld(history: MissionHistory, watch: Watch = {}): World {
  let random = choicesOf(history.rest);
  const moveAt = (index: number): Move => history.moves[index] ?? (history.rest + index) >>> 0;
  const world: World = { state: createCoordinationState(PARTITION), records: [], watch };
  const expiredTimers = new Set<string>();
  let owners = 1;

  const append = (event: AgentEvent, decided = false): void => {
    const record = { offset: world.records.length, timestampMs: T0 + world.records.length, event };
    world.records.push(record);
    const folded = evolveCoordination(world.state, record);
    watch.onFolded?.(world, record, folded.kind, decided);
    // A record may be appended twice, now or much later; but not in the midst of a batch of decisions.
    if (!decided && random.chance(0.03)) append(random.chance(0.5) ? event : random.pick(world.records).event);
  };
  const takeOver = (): void => {
    expiredTimers.clear();
    append(claimed(`o-${owners}`));
    owners += 1;
  };
  const decide = (mission: Mission): boolean => {
    const context = contextOf({
      owner: world.state.holder?.owner ?? '',
      isExpired: (key) => expiredTimers.has(key),
      hasWorker: () => history.hasWorker,
      expiredWaits: () => allWaits(mission),
      planningWorstCase: (asked) => ({
        tokens: Math.min(400, leftForPlanning(asked).tokens ?? 400),
        usd: Math.min(0.5, leftForPlanning(asked).usd ?? 0.5),
      }),
    });
    const decisions = decideMission(mission, context);
    watch.onDecided?.(mission, decisions, context);
    for (const decision of decisions) append(eventOf(decision.event_type, decision.payload), true);
    return decisions.length > 0;
  };

  takeOver();
  append(opened());
  let toCome = MISSIONS;
  for (let move = 0; world.records.length < MOST_RECORDS; move += 1) {
    random = choicesOf(moveAt(move));
    const open = [...world.state.missions.values()].filter(isOpen);
    if (open.length === 0 && toCome === 0) return world;
    if (toCome > 0 && (open.length === 0 || random.chance(0.02))) {
      append(requested(randomRequest(random, toCome)));
      toCome -= 1;
      continue;
    }
    if (random.chance(0.03)) takeOver();
    const mission = random.pick(open);
    if (random.chance(0.6) && decide(world.state.missions.get(mission.id) ?? mission)) continue;
    const timers = timersOf(mission);
    if (timers.length > 0 && random.chance(0.1)) expiredTimers.add(random.pick(timers).key);
    else happen(world.state.missions.get(mission.id) ?? mission, random, append);
  }
  throw new Error('a mission never ends');
}

function randomRequest(random: Random, index: number): Partial<EventOf<'mission_requested'>['payload']> {
  return {
    mission_id: createMissionId({ nowMs: T0 + index, partition: PARTITION, random: random.next }),
    agents: AGENTS,
    plan: random.chance(0.4) ? randomPlan(random, 1) : null,
    approval: random.pick(['none', 'monitoring', 'approval'] as const),
    retries: random.below(3),
    on_failure: random.pick(['fail', 'ask'] as const),
    budget: {
      tokens: random.chance(0.7) ? random.below(5_000) : null,
      usd: random.chance(0.7) ? random.next() * 3 : null,
      minutes: random.chance(0.1) ? 20 : null,
    },
    success: random.chance(0.5) ? [{ name: 'up', command: 'true' }] : [],
  };
}

function randomPlan(random: Random, firstWave: number) {
  const waves = Array.from({ length: 1 + random.below(3) }, () => AGENTS.filter(() => random.chance(0.5)));
  // Now and then a plan that can never be carried out.
  return planOf(
    random.chance(0.05) ? waves : waves.map((wave) => (wave.length === 0 ? ['env_agent'] : wave)),
    random.chance(0.05) ? 1 : firstWave,
  );
}

/** Something that the holder does not decide. */
function happen(mission: Mission, random: Random, append: (event: AgentEvent) => void): void {
  const { id, revision } = mission;
  if (random.chance(0.005)) return append(cancelRequested('enough', id));
  if (mission.planning.kind === 'requested') {
    const { tokens, usd } = plannerBound(mission);
    const used = { tokens_in: random.below(tokens + 1), cost_usd: random.next() * usd };
    const firstWave = lastWaveOf(mission) + 1;
    return append(
      random.chance(0.85)
        ? proposed(random.chance(0.9) ? revision : revision - 1, randomPlan(random, firstWave), { ...used, id })
        : random.chance(0.5)
          ? planFailed(revision, 'no planner', used, id)
          : plannerUnreached(revision, 3_000, used, id),
    );
  }
  if (mission.planning.kind === 'proposed')
    return append(random.chance(0.6) ? approved(revision, id) : rejected(revision, 'no', id));
  if (questionOf(mission) !== null)
    return append(
      mission.questions <= 3 && random.chance(0.7)
        ? answered(random.chance(0.9) ? mission.questions : 1, 'continue', id)
        : cancelRequested('no idea', id),
    );
  if (mission.tasks.size > 0 && random.chance(0.02))
    return append(retryOf(random.pick([...mission.tasks.values()]), random, id));
  const open = [...mission.tasks.values()].filter(hasOpenAttempt);
  if (open.length > 0) workerSays(mission, random.pick(open), random, append);
}

/** A person asks for a new attempt, now and then of one that is over. */
const retryOf = (task: MissionTask, random: Random, id: string): AgentEvent =>
  retryRequested(task.id, random.chance(0.8) ? task.attempt : 1, 'stuck', id);

/** A planner spends no more than was set aside for it, and no more than there is. */
export function plannerBound(mission: Mission): Cost {
  const available = leftForPlanning(mission);
  const { tokens, usd } = mission.planning.kind === 'requested' ? mission.planning.reserved : NOTHING;
  return { tokens: Math.min(tokens, available.tokens ?? tokens), usd: Math.min(usd, available.usd ?? usd) };
}

function workerSays(mission: Mission, task: MissionTask, random: Random, append: (event: AgentEvent) => void): void {
  const { id } = mission;
  const kind = random.next();
  if (kind < 0.2) return append(accepted(task.id, task.attempt, id));
  if (kind < 0.4) return append(started(task.id, task.attempt, id));
  if (kind < 0.5) return append(progress(task.id, 1 + random.below(9), task.attempt, id));
  const attempt = random.chance(0.95) ? task.attempt : 1 + random.below(task.attempt + 1);
  // A worker keeps to its share; checks and fences ask no model.
  const used =
    task.kind === 'verify' || onlyOf(task) !== null
      ? {}
      : { tokens_in: random.below((task.share.tokens ?? 500) + 1), cost_usd: random.next() * (task.share.usd ?? 0.1) };
  if (attempt !== task.attempt) return append(completed(task.id, attempt, {}, {}, id));
  append(
    random.chance(0.7)
      ? completed(task.id, attempt, used, { status: random.pick(['verified', 'unverified'] as const) }, id)
      : failed(task.id, attempt, { ...used, retriable: random.chance(0.8) }, id),
  );
}
