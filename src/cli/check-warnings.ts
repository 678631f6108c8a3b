import { describeProblem } from '../agent/config-error.js';
import type { MissionFile } from '../agent/mission-file.js';
import type { Roster } from '../agent/roster.js';
import { plannedCommands } from '../domain/agent-spec.js';
import { chooseInstead } from '../domain/did-you-mean.js';
import type { Plan } from '../domain/events.js';
import { inputsReadBy, variableOf } from '../domain/mission-inputs.js';
import { staticCheckNotes } from '../domain/plan-checks.js';
import type { CommandContext } from './context.js';
import { oneLine } from './text-width.js';

const NO_TASKS: Plan = { strategy: '', waves: [], risks: [], notes: [], success_criteria: [] };

/**
 * Before the mission starts, warns of texts of strangers that agents would follow, of a person's checks that always
 * pass, and of commands that read inputs which there are not. A planner's checks that always pass are refused.
 */
export function warnOfChecks(context: CommandContext, mission: MissionFile, file: string, roster: Roster): void {
  const { plan, success } = mission;
  for (const caution of mission.cautions ?? [])
    context.host.stderr.write(`warning: ${oneLine(describeProblem(caution))}\n`);
  warn(context, file, staticCheckNotes({ ...(plan ?? NO_TASKS), success_criteria: [...success] }));
  warnOfVariables(context, mission, file, roster);
}

/** Warns of commands of checks and of planned playbooks that read inputs which the mission does not have. */
export function warnOfVariables(
  context: CommandContext,
  { plan, success, inputs = [], variables = inputs.map(variableOf) }: MissionFile,
  file: string,
  roster: Roster,
): void {
  const tasks = (plan ?? NO_TASKS).waves.flatMap((wave) => wave.tasks);
  const planned = tasks.flatMap((task) =>
    unknownVariables(`a command of ${task.task_id}`, plannedCommands(task, roster.byName(task.agent)), variables),
  );
  const commands = success.map(({ command }) => command);
  warn(context, file, [...planned, ...unknownVariables('a success check', commands, variables)]);
}

const unknownVariables = (what: string, commands: readonly string[], variables: readonly string[]): readonly string[] =>
  [...new Set(commands.flatMap(inputsReadBy))]
    .filter((variable) => !variables.includes(variable))
    .map((variable) => `${what} reads $${variable}, which no input gives; ${chooseInstead(variable, variables)}`);

function warn(context: CommandContext, file: string, notes: readonly string[]): void {
  for (const note of notes) context.host.stderr.write(`warning: ${file}: ${oneLine(note)}\n`);
}
