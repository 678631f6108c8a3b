import type { AgentSpec } from '../../src/domain/agent-spec.js';

/** A mission's file with a plan of many waves. */
export interface LargeMission {
  /** Each takes part from the first wave on that its dependencies allow. */
  readonly roster: readonly AgentSpec[];
  readonly waves: number;
  /** In each wave, dealt out among its agents. */
  readonly tasks: number;
  readonly description?: string;
  /** Of each task; default: none. */
  readonly playbook?: string;
}

export function largeMissionFile({ roster, waves, tasks, description = 'Do part', playbook }: LargeMission): string {
  const how = playbook === undefined ? '' : `, playbook: ${playbook}`;
  const levels = new Map(roster.map(({ name }) => [name, levelOf(name, roster)]));
  const waveOf = (number: number): readonly string[] => {
    const agents = [...levels].filter(([, level]) => level <= number).map(([name]) => name);
    return [
      '    - tasks:',
      ...Array.from(
        { length: tasks },
        (_, index) =>
          `        - { agent: ${agents[index % agents.length]}, description: ${description} ${index + 1}.${how} }`,
      ),
    ];
  };
  const lines = Array.from({ length: waves }, (_, index) => waveOf(index + 1)).flat();
  return ['name: large', 'brief: Do many tasks.', 'plan:', '  waves:', ...lines, ''].join('\n');
}

/** The first wave, from 1, in which the agent has all that it depends on before it. */
function levelOf(name: string, roster: readonly AgentSpec[]): number {
  const { dependsOn = [] } = roster.find((spec) => spec.name === name) ?? {};
  return 1 + Math.max(0, ...dependsOn.map((dependency) => levelOf(dependency, roster)));
}
