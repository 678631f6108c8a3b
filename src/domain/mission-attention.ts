/** The last rung of escalation: a mission that asks a person, and continues with the answer. */
import type { PayloadOf } from './events.js';
import { joinedAnswers, type MissionFold } from './mission-state.js';
import { putTask } from './mission-tasks.js';
import { APPLIED, voidBecause, type Folded } from './record.js';

export function questionAsked(
  mission: MissionFold,
  { number, reason, question }: PayloadOf<'attention_requested'>,
): Folded {
  if (mission.course.kind === 'asking') return voidBecause('a question is open');
  if (mission.course.kind !== 'working') return voidBecause('the mission is about to end');
  if (number !== mission.questions + 1) return voidBecause('another question');
  mission.questions = number;
  mission.course = { kind: 'asking', question: { number, reason, text: question } };
  return APPLIED;
}

/**
 * The ladder starts again at its foot. A mission file's own plan is never changed, so its failed tasks are tried again
 * with the answer; a planner makes a changed plan of it.
 */
export function questionAnswered(mission: MissionFold, { number, answer }: PayloadOf<'attention_answered'>): Folded {
  const { course, planning } = mission;
  if (course.kind !== 'asking') return voidBecause('no question is open');
  if (course.question.number !== number) return voidBecause('another question');
  const said = { reason: course.question.reason, text: answer };
  mission.course = { kind: 'working' };
  mission.answer = said;
  mission.replans = 0;
  mission.agentFailures.clear();
  mission.plannerWait = null;
  if (mission.request.plan === null) {
    const before = planning.kind === 'none' ? null : planning.answer;
    mission.planning = { kind: 'answered', reason: said.reason, answer: joinedAnswers(before, answer) };
  } else tryAgain(mission);
  return APPLIED;
}

function tryAgain(mission: MissionFold): void {
  for (const task of mission.tasks.values())
    if (task.status === 'failed' || task.status === 'cancelled')
      putTask(mission, { ...task, status: 'waiting', failures: 0 });
}
