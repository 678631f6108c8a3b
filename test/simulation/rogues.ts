/**
 * Rogues: writers with a stolen login and no operator's key. They ask for missions, cancel, approve and reject, ask for
 * attempts, and write again what operators have signed, about other missions. They read tasks as a worker does, and
 * write decisions under the owner that they find there.
 */
import { createEventFactory } from '../../src/domain/event-factory.js';
import type { AgentEvent, EventOf, PayloadOf } from '../../src/domain/events.js';
import { createMissionId, parseMissionId } from '../../src/domain/mission-id.js';
import { personOf, type Signable, type VerifyRequest } from '../../src/domain/requests.js';
import type { SignedAnswer, VerifyAnswer } from '../../src/domain/waiting-call.js';
import type { Ids } from '../../src/ports/clock.js';
import type { Random } from './random.js';
import type { SimLog } from './sim-log.js';
import { EPOCH_MS, type World } from './world.js';

export const ROGUE = 'rogue';

export interface Rogues {
  /** A mission was asked for. */
  onRequested(event: EventOf<'mission_requested'>): void;
  onAssigned(event: EventOf<'task_assigned'>): void;
  onPlanRequested(event: EventOf<'plan_requested'>): void;
  /** An assignment is on its tasks topic, where workers read it. */
  onSent(event: EventOf<'task_assigned'>): void;
  onProposed(event: EventOf<'plan_proposed'>): void;
}

export interface RoguesOptions {
  readonly world: World;
  /** For all that rogues do. */
  readonly random: Random;
  readonly ids: Ids;
  readonly coordination: string;
  readonly log: SimLog;
}

type Accepted = EventOf<'mission_requested' | 'mission_cancel_requested'>;
type Signed = NonNullable<PayloadOf<'mission_requested'>['signed']>;

/** It names what it is for; a real one would cost each run seconds. */
const signatureFor = ({ event_id, event_type, payload }: Signable): string =>
  `${event_type} ${event_id} ${'mission_id' in payload ? payload.mission_id : ''}`;

/** By the person whom it names. */
export function signedByPerson<E extends Signable>(event: E): E {
  const signature = signatureFor(event);
  const signed: Signed = { signed_by: personOf(event), key_id: 'key', signature, cluster: null };
  return { ...event, payload: { ...event.payload, signed } };
}

/** With four eyes, as verifyAnswerInSimulation: who has requested a mission approves neither its plan nor its calls. */
export const verifyInSimulation: VerifyRequest = (record, _atMs, missionBy) => {
  const { signed } = record.payload;
  if (signed === null) return 'unsigned';
  if (signed.signature !== signatureFor(record)) return 'forged';
  return record.event_type === 'plan_approved' && signed.signed_by === missionBy ? 'own_mission' : null;
};

export const answerSignature = ({ answered_by, approval_id, digest, approved }: Omit<SignedAnswer, 'signature'>) =>
  `${answered_by} ${approval_id} ${digest} ${approved}`;

export const verifyAnswerInSimulation: VerifyAnswer = (answer, _atMs, missionBy) => {
  if (answer.signature === null) return 'unsigned';
  if (answer.signature !== answerSignature(answer)) return 'forged';
  return answer.approved && answer.answered_by === missionBy ? 'own_mission' : null;
};

export function createRogues({ world, random, ids, coordination, log }: RoguesOptions): Rogues {
  const now = () => Math.round(EPOCH_MS + world.now());
  const createEvent = createEventFactory({ clock: { now }, ids });
  const by = { requested_by: ROGUE, signed: null };
  /** The last mission of people. */
  let known: PayloadOf<'mission_requested'> | null = null;

  function write(event: AgentEvent, key: string): void {
    const partition = parseMissionId(key)?.partition ?? 0;
    log.write({ topic: coordination, partition, key, event });
  }
  const later = (longestMs: number, work: () => void) => world.at(random.next() * random.pick([10, longestMs]), work);

  function cancel(mission_id: string, copied: Signed | null): EventOf<'mission_cancel_requested'> {
    const payload = { ...by, mission_id, reason: 'mine', signed: copied };
    const event = createEvent({ type: 'mission_cancel_requested', from: ROGUE, missionId: mission_id, payload });
    write(event, mission_id);
    return event;
  }

  /** As the holder of the partition would. */
  function accept({ event_id, event_type, payload: { mission_id } }: Accepted, owner: string): void {
    const about = { mission_id, owner, request_id: event_id, request_type: event_type };
    const payload = { ...about, requested_by: ROGUE, signed_by: null, key_id: null };
    write(createEvent({ type: 'request_accepted', from: ROGUE, missionId: mission_id, payload }), mission_id);
  }

  function requestLike(
    payload: PayloadOf<'mission_requested'>,
    partition = parseMissionId(payload.mission_id)?.partition ?? 0,
  ): EventOf<'mission_requested'> {
    const mission_id = createMissionId({ nowMs: now(), partition, random: random.next });
    const copied = random.chance(0.5) ? payload.signed : null;
    const request = { ...payload, ...by, mission_id, signed: copied };
    const event = createEvent({ type: 'mission_requested', from: ROGUE, missionId: mission_id, payload: request });
    write(event, mission_id);
    return event;
  }

  return {
    onRequested(event) {
      const { mission_id, requested_by, signed } = event.payload;
      if (requested_by === ROGUE) return;
      known = event.payload;
      if (random.chance(0.3)) later(60_000, () => void requestLike(event.payload));
      if (random.chance(0.5)) later(60_000, () => void cancel(mission_id, random.chance(0.5) ? signed : null));
    },
    onPlanRequested({ payload: { mission_id, revision } }) {
      if (!random.chance(0.3)) return;
      const owner = random.chance(0.5) ? null : ROGUE;
      later(10, () => {
        const used = { tokens_in: 0, tokens_out: 0, cost_usd: 0, owner };
        const plan = known?.plan ?? null;
        const payload = { mission_id, revision, ...used };
        write(
          plan !== null && random.chance(0.5)
            ? createEvent({
                type: 'plan_proposed',
                from: ROGUE,
                missionId: mission_id,
                payload: { ...payload, planner: ROGUE, model: '', refusals: [], plan },
              })
            : createEvent({
                type: 'plan_failed',
                from: ROGUE,
                missionId: mission_id,
                payload: { ...payload, error: 'mine', code: 'planning_failed', retry_in_ms: null },
              }),
          mission_id,
        );
      });
    },
    onSent({ payload: { mission_id, owner, source } }) {
      if (source === null || !random.chance(0.2)) return;
      const { partition } = source;
      later(100, () => {
        if (known === null) return;
        const asked = random.chance(0.5) ? requestLike(known, partition) : cancel(mission_id, null);
        accept(asked, owner);
      });
    },
    onProposed({ payload: { mission_id, revision } }) {
      if (!random.chance(0.5)) return;
      const approval = createEvent({
        type: 'plan_approved',
        from: ROGUE,
        missionId: mission_id,
        payload: { mission_id, revision, approved_by: ROGUE, signed: null, plan_digest: null },
      });
      later(10_000, () => write(approval, mission_id));
    },
    onAssigned({ payload: { mission_id, task_id, attempt } }) {
      if (!random.chance(0.1)) return;
      const retry = createEvent({
        type: 'task_retry_requested',
        from: ROGUE,
        missionId: mission_id,
        payload: { ...by, mission_id, task_id, attempt, reason: 'mine' },
      });
      later(10_000, () => write(retry, mission_id));
    },
  };
}
