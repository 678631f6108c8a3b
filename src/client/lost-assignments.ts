import { missionsOf } from '../domain/coordination-view.js';
import { orAborted } from '../domain/deferred.js';
import { createEventFactory } from '../domain/event-factory.js';
import { lostAttempts, type AttemptName } from '../domain/lost-attempts.js';
import { parseMissionId } from '../domain/mission-id.js';
import type { Mission } from '../domain/mission-state.js';
import { attemptKey } from '../domain/partitioning.js';
import type { PartitionId } from '../ports/log.js';
import { appendOne } from './append-one.js';
import type { ClientContext, LogSession } from './context.js';
import { follow } from './follow.js';
import type { MissionFeed } from './mission-feed.js';
import { withVerdict } from './verdict.js';

export interface LostPlace extends PartitionId {
  /** Whose tasks the partition has. */
  readonly agent: string;
  /** Caught up. */
  readonly feed: MissionFeed;
}

/**
 * Requests a new attempt of each open task whose assignment is not in its partition any more. Resolves with those.
 * Rejects with ClientError (request_void) when the swarm does not take a request.
 */
export async function requestLostAttempts(
  context: ClientContext,
  session: LogSession,
  { agent, feed, ...place }: LostPlace,
): Promise<readonly AttemptName[]> {
  const left = await assignmentsIn(context, session, place);
  const missions = missionsOf(feed.view);
  const lost = lostAttempts(missions, {
    agent,
    partition: place.partition,
    hasAssignment: (attempt) => left.has(attemptKey(attempt)),
  });
  const requested: AttemptName[] = [];
  for (const attempt of lost) {
    const partition = parseMissionId(attempt.mission_id)?.partition;
    const mission = feed.view.mission(attempt.mission_id);
    if (partition === undefined || mission === null) continue; // No mission of this swarm.
    await requestAttempt(context, session, { attempt, mission, partition, place, feed });
    requested.push(attempt);
  }
  return requested;
}

interface LostAttempt {
  readonly attempt: AttemptName;
  readonly mission: Mission;
  /** Of the mission, in the coordination topic. */
  readonly partition: number;
  /** Where its assignment was. */
  readonly place: PartitionId;
  readonly feed: MissionFeed;
}

async function requestAttempt(
  context: ClientContext,
  { log }: LogSession,
  { attempt, mission, partition, place, feed }: LostAttempt,
): Promise<void> {
  const { requester, topics } = context;
  const event = createEventFactory(context)({
    type: 'task_retry_requested',
    from: requester,
    to: 'orchestrator',
    missionId: attempt.mission_id,
    payload: {
      ...attempt,
      requested_by: requester,
      reason: `its assignment in ${place.topic}/${place.partition} was deleted`,
      signed: null,
    },
  });
  const { mission_id: key } = attempt;
  await withVerdict(context, feed, { mission, requestId: event.event_id }, () =>
    appendOne(context, log, { appender: 'recover', topic: topics.coordination, partition, key, event }),
  );
}

/** Attempts whose assignment is left in the partition, by attemptKey. */
async function assignmentsIn(
  { signal }: ClientContext,
  { log, onEnd }: LogSession,
  { topic, partition }: PartitionId,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const { caughtUp, stop } = await orAborted(
    follow(log, {
      topics: [topic],
      from: 'beginning',
      onRecord({ partition: of, content }) {
        if (of === partition && content.kind === 'event' && content.event.event_type === 'task_assigned')
          found.add(attemptKey(content.event.payload));
      },
    }),
    signal,
  );
  onEnd('the watch', stop);
  await orAborted(caughtUp, signal);
  return found;
}
