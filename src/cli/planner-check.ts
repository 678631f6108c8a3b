import type { MissionFile } from '../agent/mission-file.js';
import type { Models } from '../models/chain.js';
import { noMetrics } from '../ports/metrics.js';
import { openModels } from '../swarm/models.js';
import { wrongUse, type CliError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { modelSettings } from './from-settings.js';

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

/**
 * Before anything runs: who can plan this mission? Rejects with CliError (exit 2) when it has no plan, does not ask for
 * the declared order, and no planner model is configured here.
 */
export async function requirePlanner(context: CommandContext, mission: MissionFile, file: string): Promise<void> {
  if (mission.plan !== null || mission.planner === 'order') return;
  const models = await modelsHere(context);
  if (models.plannerChain().length === 0) throw noPlanner(file, models.plannerAbsence());
}

export function noPlanner(file: string, absence: string): CliError {
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
