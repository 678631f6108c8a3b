import type { Mission } from '../domain/mission-state.js';
import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';

/** Whether the mission's plan waits for a person. */
export function awaitsAnswer(mission: Mission): boolean {
  return mission.status === 'open' && mission.planning === 'proposed' && mission.request.approval === 'approval' && mission.proposal !== null;
}

/** How to answer the proposed plan; lines end in line breaks. */
export function answerText(context: CommandContext, missionId: string): string {
  return `The plan waits for an answer:\n  ${clientCommand(context, `approve ${missionId}`)}\n  ${clientCommand(context, `reject ${missionId} --why "…"`)}\n`;
}
