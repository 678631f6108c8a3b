/** The last rung of escalation: a mission that asks a person, and goes on with the answer. */
import type { PayloadOf } from './events.js';
import type { Mission, MissionTask } from './mission-state.js';
import type { Folded } from './record.js';

export function questionAsked(
  mission: Mission,
  { number, reason, question }: PayloadOf<'attention_requested'>,
): Mission | Folded {
  if (mission.question !== null) return 'void: a question is open';
  if (number !== mission.questions + 1) return 'void: another question';
  return { ...mission, questions: number, question: { number, reason, text: question } };
}

/**
 * The ladder starts again at its foot. A mission file's own plan is never changed, so its failed tasks are tried again
 * with the answer; a planner makes a changed plan of it.
 */
export function questionAnswered(
  mission: Mission,
  { number, answer }: PayloadOf<'attention_answered'>,
): Mission | Folded {
  const { question } = mission;
  if (question === null) return 'void: no question is open';
  if (question.number !== number) return 'void: another question';
  const next: Mission = {
    ...mission,
    question: null,
    answer: { reason: question.reason, text: answer },
    replans: 0,
    agentFailures: {},
  };
  if (mission.request.plan === null) return { ...next, planning: 'answered' };
  return { ...next, tasks: new Map([...mission.tasks].map(([id, task]) => [id, tryAgain(task)])) };
}

function tryAgain(task: MissionTask): MissionTask {
  return task.status === 'failed' || task.status === 'cancelled' ? { ...task, status: 'waiting', failures: 0 } : task;
}
