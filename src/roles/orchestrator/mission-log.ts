/** What the holder's log says of missions, so that the terminal of a swarm that serves shows those of others. */
import type { AgentEvent } from '../../domain/events.js';
import type { Mission } from '../../domain/mission-state.js';
import type { Logger } from '../../ports/logger.js';

/** A log line's fields that name a mission and its span. */
export const aboutMission = ({ id, requestId }: Mission) => ({ mission_id: id, span_of: requestId });

/** @param mission as it is after the event */
export function logMission(logger: Logger, mission: Mission, { event_type: type, payload }: AgentEvent): void {
  const { name } = mission.request;
  const about = { ...aboutMission(mission), name };
  switch (type) {
    case 'mission_requested':
      return logger.info({ ...about, requested_by: mission.request.requested_by }, 'mission.requested');
    case 'mission_completed':
      return logger.info(about, 'mission.completed');
    case 'mission_failed':
      return logger.warn({ ...about, reason: payload.reason }, 'mission.failed');
    case 'mission_cancelled':
      return logger.info({ ...about, reason: payload.reason }, 'mission.cancelled');
    case 'budget_used': {
      const { budget, percent, used, limit } = payload;
      return logger.warn({ ...about, budget, percent, used, limit }, 'mission.budget_used');
    }
    case 'attention_requested':
      return logger.warn({ ...about, question: payload.question }, 'mission.needs_attention');
    case 'plan_proposed':
      if (mission.planning.kind !== 'proposed' || mission.request.approval !== 'approval') return;
      return logger.info({ ...about, revision: payload.revision }, 'mission.waits_for_approval');
  }
}
