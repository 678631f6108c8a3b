import { FINISH } from '../../agent/step.js';
import type { PayloadOf } from '../../domain/events.js';
import type { ExecutionDeps } from './execution-deps.js';
import type { MissionNews } from './worker-context.js';

type Task = Pick<ExecutionDeps, 'attempt' | 'spec'>;

/** What the mission hears when a step begins. */
export function progressNews(task: Task, call: PayloadOf<'tool_called'>, callId: string): MissionNews {
  const done = call.step - 1;
  const total = Math.max(expectedSteps(task), call.step);
  return {
    type: 'task_progress',
    causedBy: callId,
    payload: {
      task_id: call.task_id,
      mission_id: call.mission_id,
      attempt: call.attempt,
      step: call.step,
      tool: call.tool,
      message: `step ${call.step}: ${call.tool === FINISH ? 'checking' : call.tool}`,
      substeps_completed: done,
      substeps_total: total,
      unserved_since: null,
      unknown_agent: false,
      percent_complete: Math.min(99, Math.round((done / total) * 100)),
    },
  };
}

/** Steps of the playbook and the finish, or the agent's limit: a guess, for the progress line. */
function expectedSteps({ attempt, spec }: Task): number {
  if (attempt.assignment.kind === 'verify') return 1;
  const playbook = attempt.assignment.playbook === null ? undefined : spec.playbooks[attempt.assignment.playbook];
  if (playbook === undefined) return spec.maxSteps;
  return playbook.steps.reduce((total, step) => total + (step.unless === null ? 1 : 2), 1);
}
