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
    causation_id: null,
    sandbox: null,
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
    causation_id: null,
    sandbox: null,
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
      unknown_agent: false,
    },
  };
}

/** An assignment that requires something of the build that handles it. */
export function taskAssigned(
  requires: readonly string[],
  taskId = 'deploy-cert_agent-wave1',
): EventOf<'task_assigned'> {
  const missionId = '20261123-141502-417-p00-x7k2';
  return {
    event_id: randomUUID(),
    event_type: 'task_assigned',
    source_agent: 'orchestrator',
    target_agent: 'cert_agent',
    timestamp: 1_795_000_000_000,
    correlation_id: missionId,
    causation_id: null,
    sandbox: null,
    payload: {
      task_id: taskId,
      mission_id: missionId,
      description: 'work',
      dependencies: [],
      timeout_seconds: 60,
      retry_count: 0,
      parameters: {},
      attempt: 1,
      wave_number: 1,
      agent: 'cert_agent',
      kind: 'task',
      owner: 'orchestrator/1',
      target_partition: 0,
      source: { epoch: 'log-1', partition: 0, offset: 1 },
      playbook: 'work',
      acceptance: [],
      brief: 'Do the work.',
      inputs: [],
      share_tokens: null,
      share_usd: null,
      workspace: null,
      workspace_marker: 'marker',
      feedback: null,
      answer: null,
      requires: [...requires],
      workspace_of: null,
      only: null,
      agent_digest: null,
      playbook_acceptance: null,
      protected: [],
      changes: [],
      artifacts: [],
      used_up_by: null,
      beside: null,
      limits: {},
      untrusted: [],
      mission_inputs: [],
    },
  };
}
