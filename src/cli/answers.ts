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

/** How to answer the proposed plan; lines end in line breaks. */
export function answerText(context: CommandContext, missionId: string): string {
  return [
    'The plan waits for an answer:',
    `  ${clientCommand(context, `approve ${missionId}`)}`,
    `  ${clientCommand(context, `reject ${missionId} --why "…"`)}\n`,
  ].join('\n');
}
