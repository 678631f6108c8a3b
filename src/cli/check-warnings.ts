import type { MissionFile } from '../agent/mission-file.js';
import type { Plan } from '../domain/events.js';
import { staticCheckNotes } from '../domain/plan-checks.js';
import type { CommandContext } from './context.js';
import { oneLine } from './text-width.js';

const NO_TASKS: Plan = { strategy: '', waves: [], risks: [], notes: [], success_criteria: [] };

/** Warns of a person's checks that always pass, before the mission starts. A planner's are refused. */
export function warnOfChecks(context: CommandContext, { plan, success }: MissionFile, file: string): void {
  for (const note of staticCheckNotes({ ...(plan ?? NO_TASKS), success_criteria: [...success] }))
    context.host.stderr.write(`warning: ${file}: ${oneLine(note)}\n`);
}
