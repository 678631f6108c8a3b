import { deploymentWaves } from './agent-graph.js';
import type { AgentSpec } from './agent-spec.js';
import type { Plan } from './events.js';
import { buildPlan, continuePlan, type DraftTask, type PlanDraft, type PlanScope } from './plan.js';

/**
 * A plan without a model: one task for each agent of the scope that has no done task, in waves by declared phase and
 * dependencies, numbered from firstWave. An agent's only playbook is taken; with several, none can be chosen here.
 */
export function orderPlan(scope: PlanScope, firstWave = 1): Plan {
  const done = new Set(scope.done.map((task) => task.agent));
  const specs = scope.roster.filter((spec) => scope.agents.includes(spec.name) && !done.has(spec.name));
  const waves = deploymentWaves(
    specs.map((spec) => spec.name),
    scope.roster,
  );
  const numbers = [...new Set(waves.values())].sort((a, b) => a - b);
  const draft: PlanDraft = {
    strategy:
      'Every agent does the work it answers for, in waves by declared phase and dependencies. No model was asked.',
    waves: numbers.map((number) => ({
      waveNumber: number,
      rationale: `Phase ${number} of the declared order.`,
      tasks: specs.filter((spec) => waves.get(spec.name) === number).map(orderTask),
    })),
    risks: ['This plan follows the declared order and does not take the wording of the brief into account.'],
    successCriteria: [],
  };
  return continuePlan(buildPlan(draft, scope), firstWave);
}

function orderTask(spec: AgentSpec): DraftTask {
  const [only, ...others] = Object.keys(spec.playbooks);
  const playbook = only !== undefined && others.length === 0 ? only : null;
  const stock =
    playbook === null
      ? 'No playbook was chosen.'
      : `Playbook ${playbook} is the agent's only one; it was chosen for the agent, not for the wording of the brief.`;
  const description =
    `Do what ${spec.name} answers for, as the brief asks: ${spec.description} ` +
    `(Planned from the declared order, without a model. ${stock})`;
  return { agent: spec.name, description, playbook, acceptance: [], timeoutSeconds: null };
}
