/** A mission's calls that wait for a person: people's answers, and what the holder decides about them. */
import type { EventOf, PayloadOf } from './events.js';
import type { CallAnswer, Mission, MissionFold } from './mission-state.js';
import { pauseOf, type MissionTask, type Pause } from './mission-task-state.js';
import { putTask } from './mission-tasks.js';
import { APPLIED, voidBecause, type FoldRecord, type Folded } from './record.js';
import { unboundAnswer, VOID_REASONS, type VerifyAnswer, type VoidCode } from './waiting-call.js';

/** Every answer is decided about, also one that is about nothing: so that it is recorded why it does not count. */
export function callAnswered(
  mission: MissionFold,
  event: EventOf<'call_answered'>,
  { timestampMs: atMs }: FoldRecord,
): Folded {
  const { event_id: id, payload } = event;
  const known = mission.answers.has(id) || waitingOf(mission, payload)?.answerId === id;
  if (known) return voidBecause('answered before');
  mission.answers.set(id, { id, atMs, payload });
  return APPLIED;
}

/** @param offset of the decision, which is the source of what is sent to the task's partition */
export function callDecided(mission: MissionFold, event: EventOf<'call_decided'>, offset: number): Folded {
  const { answer_id, approval_id } = event.payload;
  const task = mission.tasks.get(event.payload.task_id);
  if (!mission.answers.has(answer_id)) return voidBecause('no such answer');
  const pause = waitingOf(mission, event.payload);
  if (task === undefined || pause?.approvalId !== approval_id || pause.answerId !== null)
    return voidBecause('no such call waits');
  mission.answers.delete(answer_id);
  putTask(mission, withPause(task, { ...pause, answerId: answer_id, voidAnswer: null }));
  mission.effects.set(offset, { offset, event });
  return APPLIED;
}

const withPause = (task: MissionTask, pause: Pause): MissionTask => ({
  ...task,
  wait: { kind: 'waiting', lastApproval: task.wait.lastApproval, pause },
});

/** Where a worker does not take an answer that was decided to count, another person may answer. */
export function approvalVoid(mission: MissionFold, answer: PayloadOf<'approval_void'>): Folded {
  // A worker's is about an answer that was decided about before: it takes none away that still waits for that.
  if (answer.owner !== null) mission.answers.delete(answer.answer_id);
  const task = mission.tasks.get(answer.task_id);
  const pause = waitingOf(mission, answer);
  const { answer_id, answered_by, reason } = answer;
  const isAboutIt = pause?.approvalId === answer.approval_id && (pause.answerId ?? answer_id) === answer_id;
  if (task !== undefined && pause !== null && isAboutIt)
    putTask(mission, withPause(task, { ...pause, answerId: null, voidAnswer: { answered_by, reason } }));
  return APPLIED;
}

type AnswerDecision =
  | { readonly event_type: 'call_decided'; readonly payload: PayloadOf<'call_decided'> }
  | { readonly event_type: 'approval_void'; readonly payload: PayloadOf<'approval_void'> };

interface AnswerContext {
  readonly owner: string;
  readonly verifyAnswer: VerifyAnswer;
}

/** About the answers, oldest first, up to the first one that counts: what follows is judged when that was read back. */
export function decideAnswers(mission: Mission, context: AnswerContext): readonly AnswerDecision[] {
  const decisions: AnswerDecision[] = [];
  for (const answer of mission.answers.values()) {
    const decision = decideAnswer(mission, answer, context);
    decisions.push(decision);
    if (decision.event_type === 'call_decided') break;
  }
  return decisions;
}

function decideAnswer(mission: Mission, answer: CallAnswer, { owner, verifyAnswer }: AnswerContext): AnswerDecision {
  const task = mission.tasks.get(answer.payload.task_id);
  const code =
    faultOf(task, waitingOf(mission, answer.payload), answer) ??
    verifyAnswer(answer.payload, answer.atMs, mission.request.requested_by);
  if (code !== null || task === undefined) return refuse(answer, owner, code ?? 'unknown');
  const { id: answer_id, payload } = answer;
  const { agent } = task.plan;
  const place = { agent, target_partition: task.targetPartition ?? 0, source: null };
  return { event_type: 'call_decided', payload: { ...payload, answer_id, owner, ...place } };
}

function faultOf(task: MissionTask | undefined, pause: Pause | null, { payload, atMs }: CallAnswer): VoidCode | null {
  const fault = unboundAnswer(pause, payload, atMs);
  if (fault !== null) return fault === 'unknown' && task?.wait.lastApproval === payload.approval_id ? 'used' : fault;
  return pause !== null && pause.answerId !== null ? 'used' : null;
}

function refuse({ id: answer_id, payload }: CallAnswer, owner: string, code: VoidCode): AnswerDecision {
  const { mission_id, task_id, attempt, approval_id, answered_by } = payload;
  const reason = VOID_REASONS[code];
  return {
    event_type: 'approval_void',
    payload: { mission_id, task_id, attempt, approval_id, answer_id, answered_by, code, reason, owner },
  };
}

/** The call of this attempt that waits; null: none does. */
function waitingOf(
  { tasks }: Pick<Mission, 'tasks'>,
  { task_id, attempt }: Pick<PayloadOf<'call_answered'>, 'task_id' | 'attempt'>,
): Pause | null {
  const task = tasks.get(task_id);
  return task !== undefined && task.attempt === attempt ? pauseOf(task) : null;
}

/** Calls of a mission that wait for a person, in plan order. */
export const waitingCalls = (mission: Mission): readonly Pause[] =>
  [...mission.index.open.values()].sort((a, b) => a.position - b.position).flatMap((task) => pauseOf(task) ?? []);
