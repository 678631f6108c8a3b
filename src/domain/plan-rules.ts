import { nearestDependencies } from './agent-graph.js';
import { chooseInstead } from './did-you-mean.js';
import { quoted } from './quoted.js';
import type { Plan, PlanTask } from './events.js';
import { pathProblems, secretCheckProblems, sideBySideProblems } from './plan-checks.js';
import type { PlanProblem } from './plan-problem.js';
import { eachTask, ORCHESTRATOR, type PlanScope } from './plan.js';

/** Everything that is wrong with a plan; empty when it may be carried out. */
export function validatePlan(plan: Plan, scope: PlanScope): readonly PlanProblem[] {
  if (plan.waves.length === 0)
    return [{ path: ['waves'], message: 'the plan has no waves', fix: 'give at least one wave with one task' }];
  return [
    ...waveProblems(plan),
    ...eachTask(plan).flatMap(({ task, path }) => [...taskProblems(task, path, scope), ...pathProblems(task, path)]),
    ...sideBySideProblems(plan, scope.roster),
    ...secretCheckProblems(plan),
    ...duplicateProblems(plan),
    ...orderProblems(plan, scope),
    ...inputProblems(plan, scope),
  ];
}

function waveProblems(plan: Plan): readonly PlanProblem[] {
  return plan.waves.flatMap((wave, index): PlanProblem[] => {
    const before = plan.waves[index - 1]?.wave_number ?? 0;
    const number = wave.wave_number;
    return [
      ...(wave.tasks.length === 0
        ? [
            {
              path: ['waves', index, 'tasks'],
              message: `wave ${number} has no tasks`,
              fix: 'give it one or leave the wave out',
            },
          ]
        : []),
      ...(number <= before
        ? [
            {
              path: ['waves', index, 'wave_number'],
              message: `wave ${number} follows wave ${before}`,
              fix: 'wave numbers must rise, from 1',
            },
          ]
        : []),
    ];
  });
}

function taskProblems(task: PlanTask, path: readonly (string | number)[], scope: PlanScope): readonly PlanProblem[] {
  const agentPath = [...path, 'agent'];
  if (task.agent === ORCHESTRATOR) {
    return [
      {
        path: agentPath,
        message: `task ${task.task_id} is for the orchestrator, which plans and watches but never runs a task`,
        fix: `give it to one of: ${scope.agents.join(', ')}`,
      },
    ];
  }
  const spec = scope.roster.find((candidate) => candidate.name === task.agent);
  if (!spec)
    return [
      {
        path: agentPath,
        message: `unknown agent ${quoted(task.agent)}`,
        fix: chooseInstead(task.agent, namesToChoose(scope)),
      },
    ];
  if (!scope.agents.includes(task.agent)) {
    return [
      {
        path: agentPath,
        message: `${task.agent} does not take part in this mission`,
        fix: `its agents are: ${scope.agents.join(', ')}`,
      },
    ];
  }
  if (task.playbook !== null && !Object.hasOwn(spec.playbooks, task.playbook)) {
    const names = Object.keys(spec.playbooks);
    const choice = names.length > 0 ? chooseInstead(task.playbook, names) : 'it has none, so name none';
    return [
      { path: [...path, 'playbook'], message: `${task.agent} has no playbook ${quoted(task.playbook)}`, fix: choice },
    ];
  }
  return [];
}

/** The agents that take part and exist; every one that exists when none does both. */
function namesToChoose({ roster, agents }: PlanScope): readonly string[] {
  const names = roster.map((spec) => spec.name);
  const both = names.filter((name) => agents.includes(name));
  return both.length > 0 ? both : names;
}

function duplicateProblems(plan: Plan): readonly PlanProblem[] {
  const seen = new Set<string>();
  return eachTask(plan).flatMap(({ task, path }) => {
    const again = seen.has(task.task_id);
    seen.add(task.task_id);
    return again
      ? [{ path, message: `two tasks have the id ${task.task_id}`, fix: 'ids are unique within a mission' }]
      : [];
  });
}

/** An agent's first task must be in a later wave than the first task of every planned agent that it depends on. */
function orderProblems(plan: Plan, scope: PlanScope): readonly PlanProblem[] {
  const first = new Map<string, { readonly index: number; readonly path: readonly (string | number)[] }>();
  for (const { task, path, waveIndex } of eachTask(plan))
    if (!first.has(task.agent)) first.set(task.agent, { index: waveIndex, path });
  const done = new Set(scope.done.map((task) => task.agent));
  const present = new Set([...first.keys(), ...done]);
  const wave = (index: number) => plan.waves[index]?.wave_number ?? index + 1;
  return [...first].flatMap(([agent, own]) =>
    nearestDependencies(agent, present, scope.roster).flatMap((dependency): PlanProblem[] => {
      const needed = first.get(dependency);
      if (!needed || done.has(dependency) || needed.index < own.index) return [];
      return [
        {
          path: [...own.path, 'agent'],
          message: `${agent} (wave ${wave(own.index)}) depends on ${dependency} (wave ${wave(needed.index)})`,
          fix: `plan ${agent} in a later wave than ${dependency}`,
        },
      ];
    }),
  );
}

/** Dependencies must name tasks of earlier waves, or tasks that are done. */
function inputProblems(plan: Plan, scope: PlanScope): readonly PlanProblem[] {
  const done = new Set(scope.done.map((task) => task.taskId));
  const tasks = eachTask(plan);
  /** The first wave that has the task. */
  const waveOf = new Map<string, number>();
  for (const { task, waveIndex } of tasks) if (!waveOf.has(task.task_id)) waveOf.set(task.task_id, waveIndex);
  return tasks.flatMap(({ task, path, waveIndex }) =>
    task.dependencies
      .filter((id) => (waveOf.get(id) ?? Infinity) >= waveIndex && !done.has(id))
      .map((id) => ({
        path,
        message: `task ${task.task_id} waits for ${id}, which is no task of an earlier wave`,
        fix: 'name tasks of earlier waves only',
      })),
  );
}
