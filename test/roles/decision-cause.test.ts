import { createTriggers } from '../../src/roles/orchestrator/decision-cause.js';
import type { Decision } from '../../src/domain/mission-decide.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { taskAssigned, taskProgress } from '../contract/events.js';

const A = 'task-a';
const B = 'task-b';
const assigned = taskAssigned([]);

const failed = (taskId: string): AgentEvent => ({
  ...assigned,
  event_id: `failed ${taskId}`,
  event_type: 'task_failed',
  payload: {
    task_id: taskId,
    mission_id: 'm',
    attempt: 1,
    owner: 'w',
    error: 'no',
    code: 'checks',
    retriable: true,
    steps: 1,
    model: '',
    tokens_in: 0,
    tokens_out: 0,
    cost_usd: 0,
    duration_ms: 1,
    checks: [],
    changed_paths: [],
    used_up_by: null,
    fenced: true,
    artifacts: null,
  },
});
const waveCompleted: Decision = {
  event_type: 'wave_completed',
  payload: { mission_id: 'm', owner: 'o', wave_number: 1 },
};
const assign = (taskId: string): Decision => ({
  event_type: 'task_assigned',
  payload: { ...assigned.payload, task_id: taskId },
});

describe('the cause of a decision', () => {
  test.each<[name: string, happened: readonly (AgentEvent | 'other')[], decision: Decision, cause: string | null]>([
    ['nothing', [], waveCompleted, null],
    ['the record that asked for it', [failed(A)], waveCompleted, 'failed task-a'],
    ['the last of several', [failed(A), failed(B)], waveCompleted, 'failed task-b'],
    ['not progress', [failed(A), taskProgress('m', B, 1)], waveCompleted, 'failed task-a'],
    ['not a read-back assignment', [failed(A), assigned], waveCompleted, 'failed task-a'],
    ['for a task, the record of that task', [failed(A), failed(B)], assign(A), 'failed task-a'],
    ['for another task, the last record', [failed(A), failed(B)], assign('task-c'), 'failed task-b'],
    ['a timer', ['other'], waveCompleted, null],
    ['not certain: a timer or a record', ['other', failed(A)], waveCompleted, null],
    ['certain for the task of the record', [failed(A), 'other'], assign(A), 'failed task-a'],
    ['not certain for another task', [failed(A), 'other'], assign(B), null],
  ])('%s', (_, happened, decision, cause) => {
    const triggers = createTriggers();
    for (const each of happened) {
      if (each === 'other') triggers.onOther();
      else triggers.onRecord(each);
    }
    expect(triggers.causeOf(decision)).toBe(cause);
  });
});
