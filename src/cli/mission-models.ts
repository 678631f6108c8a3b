/** Before a mission runs: whether the models that it needs are there. */
import type { MissionFile } from '../agent/mission-file.js';
import type { Roster } from '../agent/roster.js';
import type { StatusReport } from '../client/ask-processes.js';
import { PLAYBOOK_MODEL } from '../domain/agent-spec.js';
import type { Plan } from '../domain/events.js';
import { runsIn } from '../domain/process-id.js';
import type { Models } from '../models/chain.js';
import { noMetrics } from '../ports/metrics.js';
import { openModels } from '../swarm/models.js';
import { wrongUse, type CliError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { modelSettings } from './from-settings.js';
import { oneLine } from './text-width.js';

/** The models as this command's settings name them, probed. Rejects like openModels. */
export function modelsHere(context: CommandContext): Promise<Models> {
  return openModels({
    ...modelSettings(context),
    clock: context.host.clock,
    random: context.host.random,
    metrics: noMetrics,
    signal: context.host.interruption,
  });
}

const needsPlanner = ({ plan, planner }: MissionFile): boolean => plan === null && planner !== 'order';

/**
 * Rejects with CliError (exit 2) when the mission has no plan, does not ask for the declared order, and no planner
 * model is configured here. Names on stderr the tasks of its plan for which there is no model here.
 */
export async function requireModels(
  context: CommandContext,
  mission: MissionFile,
  roster: Roster,
  file: string,
): Promise<void> {
  if (!needsPlanner(mission) && openTasks(mission.plan).length === 0) return;
  const models = await modelsHere(context);
  if (needsPlanner(mission) && models.plannerChain().length === 0) throw noPlanner(file, models.plannerAbsence());
  if (mission.plan !== null) warnOfTasks(context, mission.plan, roster, models);
}

/** Tasks that name no playbook: a language model decides their steps. */
const openTasks = (plan: Plan | null): readonly Plan['waves'][number]['tasks'][number][] =>
  (plan?.waves ?? []).flatMap((wave) => wave.tasks.filter((task) => task.playbook === null));

/** Says which tasks no model of this computer's chain can do, and why there is none. */
export function warnOfTasks(context: CommandContext, plan: Plan, roster: Roster, models: Models): void {
  const tasks = openTasks(plan).filter(({ agent }) =>
    models.workerChain(roster.byName(agent)?.models ?? null).every(({ name }) => name === PLAYBOOK_MODEL),
  );
  if (tasks.length === 0) return;
  context.host.stderr.write(
    `warning: no model here can do ${tasks.map((task) => task.task_id).join(', ')}: no playbook is named, and there ` +
      `is no language model: ${models.summary({ workers: true, planner: false })}\n`,
  );
}

function noPlanner(file: string, absence: string): CliError {
  return wrongUse(
    `${file}: the mission has no plan, and no planner model is configured${absence === '' ? '' : ` (${absence})`}`,
    [
      'There are three ways out:',
      '- write a plan into the mission file (plan:), see docs/missions.md',
      "- say planner: order in it: waves by the agents' declared dependencies; the brief is not read",
      '- configure a planner model: ANTHROPIC_API_KEY, OPENAI_API_KEY, Ollama, or PLANNER_MODELS (docs/models.md)',
    ].join('\n'),
  );
}

/** The roles that call a model for this mission. */
export function rolesWithModels(mission: MissionFile): readonly string[] {
  return [
    ...(needsPlanner(mission) ? ['orchestrator'] : []),
    ...(openTasks(mission.plan).length > 0 ? ['worker'] : []),
  ];
}

/**
 * The workers of other processes that may run this mission's tasks, with their models; null when there are none.
 * @param processName this process, whose workers are left out
 */
export function otherWorkersNotice(
  processName: string,
  agents: readonly string[],
  reports: readonly StatusReport[],
): string | null {
  const lines = reports
    .filter(({ role, worker_id, agents: served }) => {
      const isOther = role === 'worker' && !runsIn(worker_id, 'worker', processName);
      return isOther && (agents.length === 0 || served.some((agent) => agents.includes(agent)));
    })
    .map(({ worker_id, models }) => `\n  ${oneLine(`${worker_id}: ${models ?? 'it does not say its models'}`)}`);
  return lines.length === 0 ? null : `Other workers of this swarm, which may run tasks, too:${lines.join('')}`;
}

/** Which models the processes of these roles use, and why; empty when none says it. */
export function modelsNotice(roles: readonly string[], reports: readonly StatusReport[]): string {
  const lines = reports.flatMap(({ role, models }) =>
    models !== null && roles.includes(role) ? [oneLine(models)] : [],
  );
  return lines.length === 0 ? '' : `models of the swarm: ${[...new Set(lines)].join('; ')}\n`;
}
