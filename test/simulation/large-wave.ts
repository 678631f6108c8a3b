/** Missions with hundreds of tasks in one wave, in a few seeds: what is fast for three tasks may not be for 400. */
import type { Plan } from '../../src/domain/events.js';
import { buildPlan, type DraftTask, type PlanScope } from '../../src/domain/plan.js';
import type { Random } from './random.js';

/** Of the seeds. */
const SHARE = 0.01;

/**
 * Tasks in the first wave of the seed's first mission; null: the mission is an ordinary one.
 * @param random a separate stream, so that the other seeds stay the same runs
 */
export function chooseLargeWave(random: Random): number | null {
  return random.chance(SHARE) ? random.between(100, 400) : null;
}

/** All tasks in one wave, spread over the agents that depend on none of the others; the others follow in a second. */
export function largeWavePlan(scope: PlanScope, tasks: number): Plan {
  const specs = scope.roster.filter(({ name }) => scope.agents.includes(name));
  const isLater = ({ dependsOn }: (typeof specs)[number]) => dependsOn.some((name) => scope.agents.includes(name));
  const [first, later] = [specs.filter((spec) => !isLater(spec)), specs.filter(isLater)];
  const wave = Array.from({ length: tasks }, (_, index) => first.slice(index % first.length).slice(0, 1)).flat();
  return buildPlan(
    {
      strategy: 'Many tasks at the same time.',
      waves: [wave, later]
        .filter((list) => list.length > 0)
        .map((list, index) => ({
          waveNumber: index + 1,
          rationale: 'All of them.',
          tasks: list.map(({ name }) => taskOf(name)),
        })),
      risks: [],
      successCriteria: [],
    },
    scope,
  );
}

function taskOf(agent: string): DraftTask {
  return { agent, description: `${agent} does its part`, playbook: 'work', acceptance: [], timeoutSeconds: null };
}
