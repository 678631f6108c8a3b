/** Sends events about attempts to the coordination partitions of their missions. */
import type { CreateEvent } from '../../domain/event-factory.js';
import { asError } from '../../domain/as-error.js';
import { AppendDropped, isLogFailure } from '../../ports/log.js';
import type { WorkerContext, WorkerDeps } from './worker-context.js';
import { aboutAttempt } from './about-attempt.js';

export function createMissionSender(
  { appenders, topics, logger }: WorkerDeps,
  createEvent: CreateEvent,
  onFatal: (error: Error) => void,
): WorkerContext['sendToMission'] {
  return async (attempt, envelope) => {
    const { assignment, assignmentId } = attempt;
    const { agent: from, mission_id: missionId, source } = assignment;
    if (source === null) return false;
    const event = createEvent({ causedBy: assignmentId, ...envelope, from, to: 'orchestrator', missionId });
    const place = { topic: topics.coordination, partition: source.partition, key: missionId };
    try {
      await appenders.coordination.append({ ...place, event });
      return true;
    } catch (error) {
      if (isLogFailure(error)) onFatal(error);
      else if (!(error instanceof AppendDropped))
        logger.warn({ ...aboutAttempt(attempt), err: asError(error), event_type: envelope.type }, 'event.not_sent');
      return false;
    }
  };
}
