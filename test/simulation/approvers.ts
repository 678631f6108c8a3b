/**
 * People who are asked about calls: they approve, reject, come too late or not at all, answer twice and contradict
 * themselves, and answer about another call. Forgers write decisions that no orchestrator has made. With operators
 * answers are signed, and who has requested the mission may not approve: some try, before a colleague answers.
 */
import { createEventFactory } from '../../src/domain/event-factory.js';
import type { EventOf, PayloadOf } from '../../src/domain/events.js';
import type { Ids } from '../../src/ports/clock.js';
import type { PartitionId } from '../../src/ports/log.js';
import type { Faults } from './faults.js';
import { COLLEAGUE } from './people.js';
import type { Random } from './random.js';
import { answerSignature, ROGUE } from './rogues.js';
import type { SimLog } from './sim-log.js';
import { textHash } from './text-hash.js';
import { EPOCH_MS, type World } from './world.js';

export interface Approvers {
  /** A mission says that a call waits, also when a new holder says it again. */
  onPaused(event: EventOf<'task_paused'>, partition: number): void;
  /** A call waits in a tasks partition. */
  onProposed(event: EventOf<'call_proposed'>, place: PartitionId): void;
}

export interface ApproversOptions {
  readonly world: World;
  readonly faults: Pick<Faults, 'chosen'>;
  /** For all that people do about calls. */
  readonly random: Random;
  readonly ids: Ids;
  readonly coordination: string;
  readonly log: SimLog;
}

/** How long a call waits for a person. */
export const ASK_MS = 200_000;
const OTHER_DIGEST = 'f'.repeat(64);

type Answer = Pick<PayloadOf<'call_answered'>, 'approved' | 'digest' | 'approval_id'>;

/** How a person signs. */
type Signing = 'signed' | 'unsigned';

export function createApprovers({ world, faults, random, ids, coordination, log }: ApproversOptions): Approvers {
  const now = () => Math.round(EPOCH_MS + world.now());
  const createEvent = createEventFactory({ clock: { now }, ids });
  const asked: string[] = [];
  const signs = faults.chosen.includes('sign');

  function answer(
    call: PayloadOf<'task_paused'>,
    partition: number,
    said: Answer,
    answered_by = signs ? COLLEAGUE : 'person',
    signing: Signing = signs ? 'signed' : 'unsigned',
  ): void {
    const { mission_id, task_id, attempt } = call;
    const reason = said.approved ? '' : 'not like this';
    const content = { mission_id, task_id, attempt, ...said, reason, answered_by, answered_at: now() };
    const unsigned = { ...content, key_id: null, cluster: null };
    const signature = signing === 'signed' ? answerSignature(unsigned) : null;
    const event = createEvent({
      type: 'call_answered',
      from: answered_by,
      missionId: mission_id,
      payload: { ...unsigned, signature },
    });
    const write = () => void log.write({ topic: coordination, partition, key: mission_id, event });
    write();
    // The same record again, as a client writes it that has heard no answer.
    if (random.chance(0.1)) world.at(random.next() * random.pick([10, 100_000]), write);
  }

  /** Who may not approve does, at once. */
  function tempt(call: PayloadOf<'task_paused'>, partition: number, said: Answer): void {
    const choice = textHash(call.approval_id) % 3;
    if (choice === 0) world.at(0, () => answer(call, partition, said, 'person'));
    if (choice === 1) world.at(0, () => answer(call, partition, said, ROGUE, 'unsigned'));
  }

  return {
    onPaused({ payload: call }, partition) {
      const { approval_id, digest } = call;
      asked.push(approval_id);
      const right = { approved: random.chance(0.7), approval_id, digest };
      const said: Answer[] = [];
      if (random.chance(0.1)) said.push({ ...right, approved: true, digest: OTHER_DIGEST });
      if (random.chance(0.1)) said.push({ ...right, approved: true, approval_id: random.pick(asked) });
      if (!random.chance(0.15)) said.push(right);
      if (random.chance(0.15)) said.push({ ...right, approved: !right.approved });
      if (random.chance(0.1)) said.push(right);
      if (signs) tempt(call, partition, { ...right, approved: true });
      let afterMs = random.next() * random.pick([100, 10_000, 60_000, 1.5 * ASK_MS]);
      for (const each of said) {
        world.at(afterMs, () => answer(call, partition, each));
        afterMs += random.next() * random.pick([10, 1_000, 100_000]);
      }
    },
    onProposed({ event_id: approval_id, payload }, { topic, partition }) {
      if (!random.chance(0.15)) return;
      const { mission_id, task_id, attempt, digest } = payload;
      const said = { approved: true, reason: '', answered_by: 'forger', answered_at: now(), signature: null };
      const event = createEvent({
        type: 'call_decided',
        from: 'forger',
        missionId: mission_id,
        payload: {
          ...{ mission_id, task_id, attempt, approval_id, digest, ...said },
          agent: topic.slice(topic.lastIndexOf('.') + 1),
          owner: 'forger',
          target_partition: partition,
          answer_id: 'forged',
          source: null,
          key_id: null,
          cluster: null,
        },
      });
      world.at(
        random.next() * random.pick([10, 20_000]),
        () => void log.write({ topic, partition, key: task_id, event }),
      );
    },
  };
}
