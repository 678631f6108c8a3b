import { didYouMean } from './did-you-mean.js';
import { deploymentWaves, nearestDependencies } from './agent-graph.js';
import type { AgentSpec } from './agent-spec.js';
import type { Check, Plan, PlanTask, PlanWave } from './events.js';

export const ORCHESTRATOR = 'orchestrator';
/** Runs the mission's success checks when it takes part. */
export const VERIFIER = 'hlidskjalf_agent';

/** What a plan is made and judged against. */
export interface PlanScope {
  /** Every agent that there is. */
  readonly roster: readonly AgentSpec[];
  /** Names of the agents that may take part in the mission. */
  readonly agents: readonly string[];
  /** Tasks that ended well under earlier plans of the mission. */
  readonly done: readonly DoneTask[];
}

export interface DoneTask {
  readonly taskId: string;
  readonly agent: string;
}

/** What is wrong with a plan, in words that a model or a mission's author can act on. */
export interface PlanProblem {
  /** Where in the plan, such as ['waves', 0, 'tasks', 1, 'agent']. */
  readonly path: readonly (string | number)[];
  /** What is wrong. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Both in one sentence. */
export function describePlanProblem(problem: PlanProblem): string {
  return `${problem.message}; ${problem.fix}.`;
}

/** A plan as a planner or a mission's author writes it: without task ids and dependencies, which follow from it. */
export interface PlanDraft {
  readonly strategy: string;
  readonly waves: readonly DraftWave[];
  readonly risks: readonly string[];
  readonly successCriteria: readonly Check[];
}

export interface DraftWave {
  readonly waveNumber: number;
  readonly rationale: string;
  readonly tasks: readonly DraftTask[];
}

export interface DraftTask {
  readonly agent: string;
  readonly description: string;
  readonly playbook: string | null;
  readonly acceptance: readonly Check[];
  readonly timeoutSeconds: number | null;
}

/** deploy-{agent}-wave{n}; nth (from 1) tells further tasks of an agent in a wave apart: -2, -3. */
export function taskId(agent: string, wave: number, nth = 1): string {
  return `deploy-${agent}-wave${wave}${nth > 1 ? `-${nth}` : ''}`;
}

/** The plan that a draft describes: task ids, dependencies and notes are added. It may still be invalid. */
export function buildPlan(draft: PlanDraft, scope: PlanScope): Plan {
  const planned = draft.waves.flatMap((wave) => wave.tasks.map((task) => task.agent));
  const present = new Set([...planned, ...scope.done.map((task) => task.agent)]);
  const earlier: DoneTask[] = [...scope.done];
  const waves = draft.waves.map((wave): PlanWave => {
    const tasks = wave.tasks.map((task, index) => planTask(task, wave, index, earlier, present, scope.roster));
    earlier.push(...tasks.map((task) => ({ taskId: task.task_id, agent: task.agent })));
    return { wave_number: wave.waveNumber, rationale: wave.rationale, tasks };
  });
  const plan = { strategy: draft.strategy, waves, risks: [...draft.risks], success_criteria: [...draft.successCriteria], notes: [] };
  return { ...plan, notes: [...dependencyNotes(plan, scope)] };
}

function planTask(task: DraftTask, wave: DraftWave, index: number, earlier: readonly DoneTask[], present: ReadonlySet<string>, roster: readonly AgentSpec[]): PlanTask {
  const nth = wave.tasks.slice(0, index + 1).filter((other) => other.agent === task.agent).length;
  const awaited = new Set([task.agent, ...nearestDependencies(task.agent, present, roster)]);
  return {
    task_id: taskId(task.agent, wave.waveNumber, nth),
    agent: task.agent,
    description: task.description,
    playbook: task.playbook,
    acceptance: [...task.acceptance],
    timeout_seconds: task.timeoutSeconds,
    dependencies: earlier.filter((other) => awaited.has(other.agent)).map((other) => other.taskId),
  };
}

/** Everything that is wrong with a plan; empty when it may be carried out. */
export function validatePlan(plan: Plan, scope: PlanScope): readonly PlanProblem[] {
  if (plan.waves.length === 0) return [{ path: ['waves'], message: 'the plan has no waves', fix: 'give at least one wave with one task' }];
  return [
    ...waveProblems(plan),
    ...eachTask(plan).flatMap(({ task, path }) => taskProblems(task, path, scope)),
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
      ...(wave.tasks.length === 0 ? [{ path: ['waves', index, 'tasks'], message: `wave ${number} has no tasks`, fix: 'give it one or leave the wave out' }] : []),
      ...(number <= before ? [{ path: ['waves', index, 'wave_number'], message: `wave ${number} follows wave ${before}`, fix: 'wave numbers must rise, from 1' }] : []),
    ];
  });
}

function taskProblems(task: PlanTask, path: readonly (string | number)[], scope: PlanScope): readonly PlanProblem[] {
  const agentPath = [...path, 'agent'];
  if (task.agent === ORCHESTRATOR) {
    return [{ path: agentPath, message: `task ${task.task_id} is for the orchestrator, which plans and watches but never runs a task`, fix: `give it to one of: ${scope.agents.join(', ')}` }];
  }
  const spec = scope.roster.find((candidate) => candidate.name === task.agent);
  if (!spec) return [{ path: agentPath, message: `unknown agent "${task.agent}"`, fix: didYouMean(task.agent, scope.agents) }];
  if (!scope.agents.includes(task.agent)) {
    return [{ path: agentPath, message: `${task.agent} does not take part in this mission`, fix: `its agents are: ${scope.agents.join(', ')}` }];
  }
  if (task.playbook !== null && !Object.hasOwn(spec.playbooks, task.playbook)) {
    const names = Object.keys(spec.playbooks);
    const choice = names.length > 0 ? didYouMean(task.playbook, names) : 'it has none, so name none';
    return [{ path: [...path, 'playbook'], message: `${task.agent} has no playbook "${task.playbook}"`, fix: choice }];
  }
  return [];
}

function duplicateProblems(plan: Plan): readonly PlanProblem[] {
  const seen = new Set<string>();
  return eachTask(plan).flatMap(({ task, path }) => {
    const again = seen.has(task.task_id);
    seen.add(task.task_id);
    return again ? [{ path, message: `two tasks have the id ${task.task_id}`, fix: 'ids are unique within a mission' }] : [];
  });
}

/** An agent's first task must stand in a later wave than the first task of every planned agent that it depends on. */
function orderProblems(plan: Plan, scope: PlanScope): readonly PlanProblem[] {
  const first = new Map<string, { readonly index: number; readonly path: readonly (string | number)[] }>();
  for (const { task, path, waveIndex } of eachTask(plan)) if (!first.has(task.agent)) first.set(task.agent, { index: waveIndex, path });
  const done = new Set(scope.done.map((task) => task.agent));
  const present = new Set([...first.keys(), ...done]);
  const wave = (index: number) => plan.waves[index]?.wave_number ?? index + 1;
  return [...first].flatMap(([agent, own]) =>
    nearestDependencies(agent, present, scope.roster).flatMap((dependency): PlanProblem[] => {
      const needed = first.get(dependency);
      if (!needed || done.has(dependency) || needed.index < own.index) return [];
      return [{ path: [...own.path, 'agent'], message: `${agent} (wave ${wave(own.index)}) depends on ${dependency} (wave ${wave(needed.index)})`, fix: `plan ${agent} in a later wave than ${dependency}` }];
    }),
  );
}

/** Dependencies must name tasks of earlier waves, or tasks that are done. */
function inputProblems(plan: Plan, scope: PlanScope): readonly PlanProblem[] {
  const done = new Set(scope.done.map((task) => task.taskId));
  const tasks = eachTask(plan);
  return tasks.flatMap(({ task, path, waveIndex }) => {
    const earlier = new Set(tasks.filter((other) => other.waveIndex < waveIndex).map((other) => other.task.task_id));
    const broken = task.dependencies.filter((id) => !earlier.has(id) && !done.has(id));
    return broken.map((id) => ({ path, message: `task ${task.task_id} waits for ${id}, which is no task of an earlier wave`, fix: 'name tasks of earlier waves only' }));
  });
}

function eachTask(plan: Plan): readonly { readonly task: PlanTask; readonly waveIndex: number; readonly path: readonly (string | number)[] }[] {
  return plan.waves.flatMap((wave, waveIndex) => wave.tasks.map((task, index) => ({ task, waveIndex, path: ['waves', waveIndex, 'tasks', index] })));
}

/** What the plan takes for granted: dependencies that neither it nor a done task covers. */
function dependencyNotes(plan: Plan, scope: PlanScope): readonly string[] {
  const planned = new Set(eachTask(plan).map(({ task }) => task.agent));
  const covered = new Set([...planned, ...scope.done.map((task) => task.agent)]);
  const missing = [...planned].flatMap((agent) => {
    const dependsOn = scope.roster.find((spec) => spec.name === agent)?.dependsOn ?? [];
    return dependsOn.filter((dependency) => !covered.has(dependency)).map((dependency) => ({ agent, dependency }));
  });
  const note = (title: string, pairs: typeof missing) =>
    pairs.length === 0 ? [] : [`${title} count as satisfied: ${pairs.map((pair) => `${pair.agent} needs ${pair.dependency}`).join(', ')}`];
  return [
    ...note("dependencies outside the mission's agents", missing.filter((pair) => !scope.agents.includes(pair.dependency))),
    ...note('dependencies that the plan leaves out', missing.filter((pair) => scope.agents.includes(pair.dependency))),
  ];
}

/**
 * A plan without a model: one task for each agent of the scope that has no done task, in waves by declared phase and
 * dependencies, numbered from firstWave. An agent's only playbook is taken; with several, none can be chosen here.
 */
export function orderPlan(scope: PlanScope, firstWave = 1): Plan {
  const done = new Set(scope.done.map((task) => task.agent));
  const specs = scope.roster.filter((spec) => scope.agents.includes(spec.name) && !done.has(spec.name));
  const waves = deploymentWaves(specs.map((spec) => spec.name), scope.roster);
  const numbers = [...new Set(waves.values())].sort((a, b) => a - b);
  const draft: PlanDraft = {
    strategy: 'Every agent does the work it answers for, in waves by declared phase and dependencies. No model was asked.',
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
  const stock = playbook === null ? 'No playbook was chosen.' : `Playbook ${playbook} is the agent's only one; it was chosen for the agent, not for the wording of the brief.`;
  const description = `Do what ${spec.name} answers for, as the brief asks: ${spec.description} (Planned from the declared order, without a model. ${stock})`;
  return { agent: spec.name, description, playbook, acceptance: [], timeoutSeconds: null };
}

/** The same plan with waves numbered from firstWave without gaps; task ids and dependencies follow. */
export function continuePlan(plan: Plan, firstWave: number): Plan {
  const renamed = new Map<string, string>();
  const rename = (id: string) => renamed.get(id) ?? id;
  const waves = plan.waves.map((wave, index): PlanWave => {
    const number = firstWave + index;
    const counts = new Map<string, number>();
    const tasks = wave.tasks.map((task): PlanTask => {
      const nth = (counts.get(task.agent) ?? 0) + 1;
      counts.set(task.agent, nth);
      // Dependencies lie in earlier waves, whose names are known by now; ids of done tasks stay as they are.
      return { ...task, task_id: taskId(task.agent, number, nth), dependencies: task.dependencies.map(rename) };
    });
    wave.tasks.forEach((task, position) => renamed.set(task.task_id, tasks[position]?.task_id ?? task.task_id));
    return { ...wave, wave_number: number, tasks };
  });
  return { ...plan, waves };
}

/** The mission's last task: its success checks, without a model. */
export interface VerifyTask {
  readonly waveNumber: number;
  readonly task: PlanTask;
}

/**
 * verify-{agent}-wave{last+1}, by hlidskjalf_agent when it is among the mission's agents, else by the agent of the
 * plan's last task; null when there is nothing to check or no plan to follow.
 */
export function verifyTask(plan: Plan, checks: readonly Check[], agents: readonly string[]): VerifyTask | null {
  const lastWave = plan.waves.at(-1);
  const lastTask = lastWave?.tasks.at(-1);
  if (checks.length === 0 || !lastWave || !lastTask) return null;
  const agent = agents.includes(VERIFIER) ? VERIFIER : lastTask.agent;
  const waveNumber = lastWave.wave_number + 1;
  const dependencies = eachTask(plan).map(({ task }) => task.task_id);
  const description = 'Run the success checks of the mission.';
  return {
    waveNumber,
    task: { task_id: `verify-${agent}-wave${waveNumber}`, agent, description, playbook: null, acceptance: [...checks], timeout_seconds: null, dependencies },
  };
}

/** The checks that prove the mission: its own and those that the plan adds, each command once. */
export function successChecks(plan: Plan, own: readonly Check[]): readonly Check[] {
  const commands = new Set(own.map((check) => check.command));
  return [...own, ...plan.success_criteria.filter((check) => !commands.has(check.command))];
}
