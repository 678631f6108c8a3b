import type { MissionReport } from '../domain/report.js';
import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';
import { oneLine } from './text-width.js';

/** What the mission asks, and how to answer; empty when it asks nothing. Lines end in line breaks. */
export function questionText(context: CommandContext, missionId: string, question: MissionReport['question']): string {
  if (question === null) return '';
  return [
    `The mission needs attention: ${oneLine(question.reason)}`,
    oneLine(question.text),
    `  ${clientCommand(context, `answer ${missionId} "…"`)}`,
    `  ${clientCommand(context, `cancel ${missionId}`)}\n`,
  ].join('\n');
}

/** What an answer about a plan is bound to. */
export interface PlanPlace {
  readonly mission_id: string;
  readonly revision: number;
  /** sha256. */
  readonly plan_digest: string;
}

/** What is answered, and how to answer the proposed plan; lines end in line breaks. */
export function answerText(context: CommandContext, { mission_id, revision, plan_digest }: PlanPlace): string {
  const seen = `${mission_id} --revision ${revision}`;
  return [
    `The plan waits for an answer: revision ${revision}, sha256 ${plan_digest}`,
    `  ${clientCommand(context, `approve ${seen}`)}`,
    `  ${clientCommand(context, `reject ${seen} --why "…"`)}\n`,
  ].join('\n');
}
