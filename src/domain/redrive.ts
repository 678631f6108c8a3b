/** Where a dead letter goes when it is redriven, and its result there. */
import { headerText, type Headers, type LetterOrigin, type LostBatch } from './dead-letter.js';
import { belongsIn, misplacedInCoordination, misplacedInTasks } from './event-places.js';
import type { AgentEvent, EventOf, PayloadOf } from './events.js';
import { parseMissionId } from './mission-id.js';
import { isOpen, type Mission } from './mission-state.js';
import { taskRecordKey } from './partitioning.js';
import { describeFolded, type Folded } from './record.js';
import type { TopicNames } from './topic-names.js';

/** Redriving the letter makes no sense, or its place is unknown. */
export interface RedriveRefused {
  readonly kind: 'refused';
  readonly why: string;
  readonly nextStep: string;
}

export type RedrivePlan =
  /** The record itself is written to a partition, given by its number or by a key. */
  | {
      readonly kind: 'record';
      readonly topic: string;
      readonly partition: number | { readonly key: string };
      readonly expect: string;
    }
  /** The orchestrator is asked for a new attempt instead. */
  | {
      readonly kind: 'new_attempt';
      readonly request: Omit<PayloadOf<'task_retry_requested'>, 'requested_by' | 'reason' | 'signed'>;
      readonly partition: number;
    }
  | RedriveRefused;

export interface RedriveInput {
  readonly id: string;
  /** Null when no header says where it came from. */
  readonly origin: LetterOrigin | null;
  /** For a letter that is a batch of records that could not be decoded. */
  readonly batch?: LostBatch;
  readonly key: string | null;
  readonly headers: Headers;
  readonly content:
    | { readonly kind: 'event'; readonly event: AgentEvent }
    | { readonly kind: 'poison' | 'unreadable'; readonly reason: string };
  /** Back to where it came from, whatever it is. */
  readonly asIs: boolean;
}

/** The swarm's log as far as redriving asks for it. */
export interface RedriveWorld {
  readonly topics: TopicNames;
  mission(id: string): Mission | null;
  /** What the fold of a coordination partition would make of an event that is appended now. */
  judge(partition: number, event: AgentEvent): Folded;
}

const refused = (why: string, nextStep: string): RedriveRefused => ({ kind: 'refused', why, nextStep });
const discardIt = (id: string): string => `To have it out of the list: ravenhelm dead-letters discard ${id}`;

export function planRedrive(
  { id, origin, batch, key, headers, content, asIs }: RedriveInput,
  world: RedriveWorld,
): RedrivePlan {
  if (origin === null) return refused('no header says where it came from', discardIt(id));
  if (batch !== undefined) return refusedBatch(id, origin, batch);
  const place = placeOf(origin.topic, world.topics);
  if (place === null)
    return refused(
      `its origin ${origin.topic} is no topic that this swarm reads`,
      `Look at RAVENHELM_PREFIX. ${discardIt(id)}`,
    );
  if (asIs)
    return {
      kind: 'record',
      topic: origin.topic,
      partition: origin.partition,
      expect: 'it becomes a dead letter again unless what reads it has changed',
    };
  const assignment = assignmentOf(content, headers);
  if (assignment !== null) return planNewAttempt(id, assignment, world);
  if (content.kind !== 'event') {
    return refused(
      `this build cannot decode it: ${content.reason}`,
      `To write it back where it came from, for readers that have changed since: ` +
        `ravenhelm dead-letters redrive --as-is ${id}\n${discardIt(id)}`,
    );
  }
  const { event } = content;
  const fixed = neverRedriven(id, event);
  if (fixed !== null) return fixed;
  if (fits(origin, place, event)) return to(origin.topic, origin.partition, event, world);
  return planMisplaced(id, key, event, world);
}

/** Also as it is: the letter has none of the batch's bytes, and what would be written is an empty record. */
function refusedBatch(id: string, { topic, partition, offset }: LetterOrigin, batch: LostBatch): RedriveRefused {
  const span = `${topic}[${partition}] at ${batch.baseOffset} to ${offset}`;
  return refused(
    `it is a batch of records (${span}, codec ${batch.codec}) that could not be decoded: there is no record to write`,
    `Let the program that wrote the batch send its records again, then: ravenhelm dead-letters discard ${id}`,
  );
}

type Place = { readonly kind: 'coordination' | 'status' } | { readonly kind: 'tasks'; readonly agent: string };

function placeOf(topic: string, topics: TopicNames): Place | null {
  if (topic === topics.coordination) return { kind: 'coordination' };
  if (topic === topics.status) return { kind: 'status' };
  const before = topics.tasks('');
  return topic.startsWith(before) && topic.length > before.length
    ? { kind: 'tasks', agent: topic.slice(before.length) }
    : null;
}

function fits({ partition }: LetterOrigin, place: Place, event: AgentEvent): boolean {
  switch (place.kind) {
    case 'coordination':
      return misplacedInCoordination(partition, event) === null;
    case 'tasks':
      return misplacedInTasks(place.agent, event) === null;
    case 'status':
      return belongsIn('status', event.event_type);
  }
}

/** Events that mean something only at the place and in the moment in which they were written. */
function neverRedriven(id: string, event: AgentEvent): RedriveRefused | null {
  switch (event.event_type) {
    case 'task_cancelled':
      return refused(
        'an order to cancel counts by the place of its decision, which has passed; the orchestrator has sent its own',
        `To stop the mission: ravenhelm cancel ${event.payload.mission_id}\n${discardIt(id)}`,
      );
    case 'partition_claimed':
    case 'partition_opened':
      return refused(
        `a ${event.event_type} belongs to the process that wrote it: ` +
          `written again it would take the partition from its holder`,
        discardIt(id),
      );
    case 'dead_letter_taken':
    case 'dead_letter_redriven':
    case 'dead_letter_discarded':
      return refused('it says what happened to another letter, and counts only beside that', discardIt(id));
    default:
      return null;
  }
}

type Attempt = Pick<PayloadOf<'task_assigned'>, 'mission_id' | 'task_id' | 'attempt'>;

/** The attempt that the letter would have assigned; where its bytes are damaged its headers may still tell. */
function assignmentOf(content: RedriveInput['content'], headers: Headers): Attempt | null {
  if (content.kind === 'event') return content.event.event_type === 'task_assigned' ? content.event.payload : null;
  const [type, mission_id, task_id, attempt] = ['event_type', 'mission_id', 'task_id', 'attempt'].map((name) =>
    headerText(headers[name]),
  );
  if (
    type !== 'task_assigned' ||
    mission_id === undefined ||
    task_id === undefined ||
    !/^[1-9]\d{0,8}$/.test(attempt ?? '')
  )
    return null;
  return { mission_id, task_id, attempt: Number(attempt) };
}

function planNewAttempt(id: string, { mission_id, task_id, attempt }: Attempt, world: RedriveWorld): RedrivePlan {
  const partition = parseMissionId(mission_id)?.partition;
  if (partition === undefined) return refused(`${mission_id} is no mission id`, discardIt(id));
  const mission = world.mission(mission_id);
  if (mission === null) return refused(`the log knows no mission ${mission_id}`, discardIt(id));
  if (!isOpen(mission))
    return refused(
      `mission ${mission_id} has ended (${mission.course.kind}): a new attempt would be void`,
      discardIt(id),
    );
  const request = { mission_id, task_id, attempt };
  const asked: EventOf<'task_retry_requested'> = {
    event_id: '',
    event_type: 'task_retry_requested',
    source_agent: '',
    target_agent: null,
    timestamp: 0,
    correlation_id: null,
    causation_id: null,
    sandbox: null,
    payload: { ...request, requested_by: '', reason: '', signed: null },
  };
  const folded = world.judge(partition, asked);
  if (folded.kind === 'void')
    return refused(
      `a new attempt instead of attempt ${attempt} of ${task_id} would be ${describeFolded(folded)}`,
      `To see the task: ravenhelm status ${mission_id}\n${discardIt(id)}`,
    );
  return { kind: 'new_attempt', request, partition };
}

function planMisplaced(id: string, key: string | null, event: AgentEvent, world: RedriveWorld): RedrivePlan {
  const { event_type, payload } = event;
  const { topics } = world;
  if (belongsIn('status', event_type))
    return {
      kind: 'record',
      topic: topics.status,
      partition: { key: key ?? event.source_agent },
      expect: 'watchers see it as news',
    };
  if (!('mission_id' in payload)) return refused(`${event_type} does not say where it belongs`, discardIt(id));
  if (!belongsIn('coordination', event_type) && 'task_id' in payload && payload.task_id !== null)
    return planJournal(event, { ...payload, task_id: payload.task_id }, world);
  const partition = parseMissionId(payload.mission_id)?.partition;
  if (partition === undefined)
    return refused(`${payload.mission_id} is no mission id, so its partition is unknown`, discardIt(id));
  return to(topics.coordination, partition, event, world);
}

/** A record of a task's journal: its mission knows agent and partition; without it the writer and the key tell. */
function planJournal(
  event: AgentEvent,
  { mission_id, task_id }: { readonly mission_id: string; readonly task_id: string },
  { topics, mission }: RedriveWorld,
): RedrivePlan {
  const task = mission(mission_id)?.tasks.get(task_id);
  const partition = task?.targetPartition ?? { key: taskRecordKey(mission_id, task_id) };
  return {
    kind: 'record',
    topic: topics.tasks(task?.plan.agent ?? event.source_agent),
    partition,
    expect: inJournal(event),
  };
}

function to(topic: string, partition: number, event: AgentEvent, world: RedriveWorld): RedrivePlan {
  if (topic !== world.topics.coordination)
    return {
      kind: 'record',
      topic,
      partition,
      expect: topic === world.topics.status ? 'watchers see it as news' : inJournal(event),
    };
  const folded = world.judge(partition, event);
  return {
    kind: 'record',
    topic,
    partition,
    expect:
      folded.kind === 'applied' ? 'it counts, unless something else is written before it' : describeFolded(folded),
  };
}

/** Known only to the worker that folds the partition: the rule, in words. */
function inJournal({ event_type, payload }: AgentEvent): string {
  if (event_type === 'tool_returned')
    return 'it counts if its step was called and has no outcome yet: the first one wins';
  if (event_type === 'connection_ended')
    return 'it counts if the worker still knows the attempt; nothing depends on it';
  const owner = 'owner' in payload && payload.owner !== null ? ` ${payload.owner}` : '';
  return `it counts if its owner${owner} still holds the partition and the attempt is open; most likely it is void`;
}
