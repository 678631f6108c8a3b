/** People who pause missions, resume them, sometimes late, and raise their budgets. In the end each is resumed. */
import { createEventFactory } from '../../src/domain/event-factory.js';
import type { EventOf } from '../../src/domain/events.js';
import { isPaused } from '../../src/domain/mission-pause.js';
import type { Mission } from '../../src/domain/mission-state.js';
import type { Ids } from '../../src/ports/clock.js';
import type { Faults } from './faults.js';
import type { Random } from './random.js';
import { signedByPerson } from './rogues.js';
import type { SimLog } from './sim-log.js';
import { EPOCH_MS, type World } from './world.js';

export interface Steerers {
  onRequested(missionId: string, partition: number): void;
  onAssigned(missionId: string, partition: number): void;
}

export interface SteerersOptions {
  readonly world: World;
  readonly faults: Faults;
  /** For all that these people do. */
  readonly random: Random;
  readonly ids: Ids;
  readonly coordination: string;
  readonly log: SimLog;
  /** As the log has it. */
  mission(id: string): Mission | undefined;
}

type Steering = EventOf<'mission_pause_requested' | 'mission_resume_requested' | 'mission_budget_requested'>;

const LOOK_MS = 600_000;

export function createSteerers(options: SteerersOptions): Steerers {
  const { world, faults, random, ids, coordination, log, mission } = options;
  const now = () => Math.round(EPOCH_MS + world.now());
  const createEvent = createEventFactory({ clock: { now }, ids });

  function append(asked: Steering, partition: number): void {
    const event = faults.chosen.includes('sign') ? signedByPerson(asked) : asked;
    const write = () => void log.write({ topic: coordination, partition, key: event.payload.mission_id, event });
    write();
    if (random.chance(0.2)) world.at(random.next() * random.pick([10, 60_000, 3_600_000]), write);
  }

  function pause(id: string, partition: number): void {
    const number = (mission(id)?.pauses ?? 0) + 1;
    const payload = { mission_id: id, number, requested_by: 'person', reason: 'lunch', signed: null };
    append(createEvent({ type: 'mission_pause_requested', from: 'person', missionId: id, payload }), partition);
    world.at(random.next() * random.pick([100, 30_000, 600_000]), () => resume(id, partition));
  }

  /** Until it has been: a pause that had not been accepted yet, or was asked for twice, does not stay. */
  function resume(id: string, partition: number): void {
    const known = mission(id);
    if (known === undefined) return;
    if (isPaused(known)) {
      const payload = { mission_id: id, number: known.pauses, requested_by: 'person', signed: null };
      append(createEvent({ type: 'mission_resume_requested', from: 'person', missionId: id, payload }), partition);
    }
    if (known.course.kind === 'working' || known.course.kind === 'asking')
      world.at(LOOK_MS, () => resume(id, partition));
  }

  function raise(id: string, partition: number): void {
    const known = mission(id);
    if (known === undefined) return;
    const { usd, tokens, minutes } = known.budget;
    const more = <T extends number | null>(limit: T) => (limit === null ? null : limit * 2);
    const payload = {
      ...{ mission_id: id, number: known.budgetChanges + 1, requested_by: 'person', signed: null },
      ...{ usd: more(usd), tokens: more(tokens), minutes: more(minutes) },
    };
    append(createEvent({ type: 'mission_budget_requested', from: 'person', missionId: id, payload }), partition);
  }

  return {
    onRequested(id, partition) {
      if (random.chance(0.4)) world.at(random.next() * random.pick([10, 5_000]), () => pause(id, partition));
    },
    onAssigned(id, partition) {
      if (random.chance(0.15)) world.at(random.next() * random.pick([10, 5_000, 120_000]), () => pause(id, partition));
      if (random.chance(0.05)) world.at(random.next() * 60_000, () => raise(id, partition));
    },
  };
}
