import { planDigest } from '../agent/plan-digest.js';
import { awaitsAnswer } from '../client/decisions.js';
import type { Plan } from '../domain/events.js';
import { plannerOf } from '../domain/mission-planning.js';
import type { Mission } from '../domain/mission-state.js';
import { answerText, type PlanPlace } from './answers.js';
import type { CommandContext } from './context.js';
import { planText } from './plan-text.js';

/** A plan that a person is asked about. */
export interface WaitingPlan extends PlanPlace {
  /** mission (the mission's file), order, or a model's name. */
  readonly planned_by: string;
  readonly plan: Plan;
}

/** null: none waits. */
export function waitingPlan(mission: Mission): WaitingPlan | null {
  const { id: mission_id, revision, planning } = mission;
  if (!awaitsAnswer(mission) || planning.kind !== 'proposed') return null;
  const { proposal } = planning;
  const { plan } = proposal;
  return { mission_id, revision, plan_digest: planDigest(plan), planned_by: plannerOf(proposal), plan };
}

/** The plan, what an answer is bound to, and how to give it; lines end in line breaks. */
export const waitingPlanText = (context: CommandContext, waiting: WaitingPlan): string =>
  `${planText(waiting.plan, waiting.planned_by)}\n${answerText(context, waiting)}`;
