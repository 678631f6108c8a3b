/** People who continue missions that have ended: at once or late, after looking at the log at once or long before. */
import { continuationOf, newerIn, workspaceOf } from '../../src/domain/continuation.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { isOpen, type CoordinationState, type Mission } from '../../src/domain/mission-state.js';
import { WORKSPACE_OF } from '../../src/domain/requirements.js';
import type { Ids } from '../../src/ports/clock.js';
import type { Faults } from './faults.js';
import type { People } from './people.js';
import type { Random } from './random.js';
import { EPOCH_MS, type World } from './world.js';

export interface Continuers {
  /** Missions that will still be asked for. */
  waiting(): number;
  onEnded(missionId: string): void;
}

export interface ContinuersOptions {
  readonly world: World;
  readonly faults: Faults;
  /** For all that these people do. */
  readonly random: Random;
  readonly ids: Ids;
  readonly people: Pick<People, 'ask'>;
  /** The partition of a mission as the log has it; undefined: that log is lost. */
  partitionOf(missionId: string): CoordinationState | undefined;
}

const MOST = 4;

export function createContinuers({ world, faults, random, ids, people, partitionOf }: ContinuersOptions): Continuers {
  const now = () => Math.round(EPOCH_MS + world.now());
  const createEvent = createEventFactory({ clock: { now }, ids });
  let asked = 0;
  let waiting = 0;

  function later(delayMs: number, work: () => void): void {
    waiting += 1;
    world.at(delayMs, () => {
      waiting -= 1;
      work();
    });
  }

  function look(missionId: string): void {
    const state = partitionOf(missionId);
    const old = state?.missions.get(missionId);
    if (state === undefined || old === undefined || isOpen(old)) return;
    const newer = newerIn(state.missions.values(), old);
    if (newer !== null && isOpen(newer)) return;
    const event = requestFrom(newer ?? old, state);
    // In between another person may be quicker.
    later(random.next() * random.pick([5, 2_000, 120_000]), () => {
      if (partitionOf(missionId)?.missions.has(missionId) === true) people.ask(event, state.partition);
    });
  }

  function requestFrom(old: Mission, { position, partition }: CoordinationState) {
    const missionId = createMissionId({ nowMs: now(), partition, random: random.next });
    const again = new Set([...old.tasks.keys()].filter(() => random.chance(0.3)));
    const { continues, plan } = continuationOf(old, { again, plan: null, asOf: position });
    return createEvent({
      type: 'mission_requested',
      from: 'person',
      missionId,
      payload: {
        ...old.request,
        mission_id: missionId,
        budget: old.budget,
        requires: [WORKSPACE_OF],
        workspace_of: workspaceOf(old.request),
        continues,
        plan,
        signed: null,
      },
    });
  }

  return {
    waiting: () => waiting,
    onEnded(missionId) {
      if (asked >= MOST || !faults.on('again') || !random.chance(0.7)) return;
      const times = random.chance(0.3) ? 2 : 1;
      for (let time = 0; time < times; time++) {
        asked += 1;
        later(random.next() * random.pick([5, 1_000, 60_000]), () => look(missionId));
      }
    },
  };
}
