/**
 * People: they ask for missions, approve, reject and cancel them, and ask for new attempts, sometimes twice, sometimes
 * too late.
 */
import type { EventOf, PayloadOf } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import type { RequestType } from '../../src/domain/requests.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import type { Ids } from '../../src/ports/clock.js';
import type { Faults } from './faults.js';
import { signedByPerson } from './rogues.js';
import type { Random } from './random.js';
import { createRequest, type Scenario } from './scenario.js';
import type { SimLog } from './sim-log.js';
import { textHash } from './text-hash.js';
import { EPOCH_MS, type World } from './world.js';

export interface People {
  /** Ids of the missions that were asked for. */
  readonly requested: readonly string[];
  /** Missions that will still be asked for. */
  waiting(): number;
  begin(): void;
  /** Asks for a mission that another one has made ready. */
  ask(request: EventOf<'mission_requested'>, partition: number): void;
  /** The missions asked for so far are lost; their authors ask no more of them. */
  forget(): void;
  /** A tasks partition was claimed: a cancel meets a take-over. */
  onTakenOver(): void;
  onProposed(
    event: EventOf<'plan_proposed'>,
    approval: PayloadOf<'mission_requested'>['approval'],
    partition: number,
  ): void;
  /**
   * A mission asks. Most questions are answered, at most twice; other missions are cancelled, or the question expires.
   */
  onAsked(event: EventOf<'attention_requested'>, partition: number): void;
  onAssigned(event: EventOf<'task_assigned'>, partition: number): void;
}

type Asked = EventOf<RequestType>;

/** An operator who has requested no mission. */
export const COLLEAGUE = 'colleague';

export interface PeopleOptions {
  readonly world: World;
  readonly faults: Faults;
  /** For the requests of new attempts only. */
  readonly retryRandom: Random;
  readonly scenario: Scenario;
  readonly ids: Ids;
  readonly coordination: string;
  readonly log: SimLog;
}

export function createPeople({ world, faults, retryRandom, scenario, ids, coordination, log }: PeopleOptions): People {
  const { random } = world;
  const now = () => Math.round(EPOCH_MS + world.now());
  const createEvent = createEventFactory({ clock: { now }, ids });
  const requested: string[] = [];
  const partitionOf = new Map<string, number>();
  let waiting = scenario.missions;

  function append(asked: Asked, missionId: string, partition: number): void {
    const event = faults.chosen.includes('sign') ? signedByPerson(asked) : asked;
    // In a recreated topic the request would be a new one: that log does not know it.
    const write = () =>
      void (requested.includes(missionId) && log.write({ topic: coordination, partition, key: missionId, event }));
    write();
    if (faults.on('duplicate') && random.chance(0.3))
      world.at(random.next() * random.pick([10, 60_000, 3_600_000]), write);
  }

  function request(): void {
    waiting -= 1;
    const partition = random.below(scenario.coordinationPartitions);
    const id = createMissionId({ nowMs: now(), partition, random: random.next });
    requested.push(id);
    partitionOf.set(id, partition);
    append(
      createEvent({
        type: 'mission_requested',
        from: 'person',
        missionId: id,
        payload: createRequest(random, faults, scenario, id, requested.length === 1 ? scenario.largeWave : null),
      }),
      id,
      partition,
    );
    if (faults.on('cancel') && random.chance(0.4))
      world.at(random.next() * random.pick([100, 5_000, 60_000]), () => cancel(id, partition));
  }

  function cancel(id: string, partition: number): void {
    append(
      createEvent({
        type: 'mission_cancel_requested',
        from: 'person',
        missionId: id,
        payload: { mission_id: id, requested_by: 'person', reason: 'enough', signed: null },
      }),
      id,
      partition,
    );
  }

  return {
    requested,
    waiting: () => waiting,
    begin() {
      for (let i = 0; i < scenario.missions; i++)
        world.at(i === 0 ? 10 : random.next() * scenario.faultsEndMs * 0.8, request);
    },
    ask(asked, partition) {
      const { mission_id } = asked.payload;
      requested.push(mission_id);
      partitionOf.set(mission_id, partition);
      append(asked, mission_id, partition);
    },
    forget() {
      requested.length = 0;
    },
    onAsked({ payload: { mission_id, number } }, partition) {
      if (random.chance(0.1)) return;
      world.at(random.next() * random.pick([100, 10_000, 120_000]), () => {
        if (number > 2 || random.chance(0.2)) return cancel(mission_id, partition);
        append(
          createEvent({
            type: 'attention_answered',
            from: 'person',
            missionId: mission_id,
            payload: { mission_id, number, answer: 'try it like this', answered_by: 'person', signed: null },
          }),
          mission_id,
          partition,
        );
      });
    },
    onTakenOver() {
      const id = requested.at(-1);
      const partition = partitionOf.get(id ?? '');
      if (id === undefined || partition === undefined || !faults.on('cancel') || !random.chance(0.05)) return;
      world.at(random.next() * 30, () => cancel(id, partition));
    },
    onProposed({ payload: { mission_id, revision } }, approval, partition) {
      if (approval !== 'approval' || random.chance(0.1)) return;
      const isGood = random.chance(0.7);
      const signs = faults.chosen.includes('sign');
      const approve = (approved_by: string) => {
        const payload = { mission_id, revision, approved_by, signed: null, plan_digest: null };
        append(
          createEvent({ type: 'plan_approved', from: approved_by, missionId: mission_id, payload }),
          mission_id,
          partition,
        );
      };
      world.at(random.next() * random.pick([100, 10_000, 120_000]), () => {
        // With operators there are four eyes: the requester's own approval is void.
        if (signs && textHash(mission_id) % 3 > 0) approve('person');
        if (isGood) return approve(signs ? COLLEAGUE : 'person');
        const event = createEvent({
          type: 'plan_rejected',
          from: 'person',
          missionId: mission_id,
          payload: {
            mission_id,
            revision,
            rejected_by: 'person',
            reason: 'not like this',
            signed: null,
            plan_digest: null,
          },
        });
        append(event, mission_id, partition);
      });
    },
    onAssigned({ payload: { mission_id, task_id, attempt } }, partition) {
      if (!faults.on('retry') || !retryRandom.chance(0.1)) return;
      world.at(retryRandom.next() * retryRandom.pick([100, 5_000, 120_000]), () => {
        append(
          createEvent({
            type: 'task_retry_requested',
            from: 'person',
            missionId: mission_id,
            payload: { mission_id, task_id, attempt, requested_by: 'person', reason: 'stuck', signed: null },
          }),
          mission_id,
          partition,
        );
      });
    },
  };
}
