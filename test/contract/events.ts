import { randomUUID } from 'node:crypto';
import type { EventOf } from '../../src/domain/events.js';

/** A small event whose text tells it apart from others. */
export function statusRequest(text: string): EventOf<'request_status'> {
  return {
    event_id: randomUUID(),
    event_type: 'request_status',
    source_agent: 'operator',
    target_agent: null,
    timestamp: 1_795_000_000_000,
    correlation_id: null,
    payload: { request_id: text, requested_by: 'operator' },
  };
}

/** An event of a mission's task. */
export function taskProgress(
  missionId: string,
  taskId: string,
  attempt: number,
  message = 'halfway',
): EventOf<'task_progress'> {
  return {
    event_id: randomUUID(),
    event_type: 'task_progress',
    source_agent: 'cert_agent',
    target_agent: null,
    timestamp: 1_795_000_000_000,
    correlation_id: missionId,
    payload: {
      task_id: taskId,
      percent_complete: 50,
      message,
      substeps_completed: 1,
      substeps_total: 2,
      mission_id: missionId,
      attempt,
      step: 1,
      tool: 'workspace_read',
      unserved_since: null,
    },
  };
}
