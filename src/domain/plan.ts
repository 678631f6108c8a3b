import { nearestDependencies } from './agent-graph.js';
import type { AgentSpec } from './agent-spec.js';
import { artifactPattern } from './artifacts.js';
import type { Check, Plan, PlanTask, PlanWave } from './events.js';
import { workspacePath } from './workspace-path.js';

export const ORCHESTRATOR = 'orchestrator';
/** Runs the mission's success checks when it takes part. */
const VERIFIER = 'hlidskjalf_agent';

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
  /** Files and directories that it must not change; absent: only those that its checks name. */
  readonly protected?: readonly string[];
  /** Files and directories that it may change although its checks name them; absent: none. */
  readonly changes?: readonly string[];
  /** Patterns of the files that it leaves for people; absent: none. */
  readonly artifacts?: readonly string[];
}

/** deploy-{agent}-wave{n}; nth (from 1) tells further tasks of an agent in a wave apart: -2, -3. */
export function taskId(agent: string, wave: number, nth = 1): string {
  return `deploy-${agent}-wave${wave}${nth > 1 ? `-${nth}` : ''}`;
}

/** The plan that a draft describes: task ids, dependencies and notes are added. It may still be invalid. */
export function buildPlan(draft: PlanDraft, scope: PlanScope): Plan {
  const planned = draft.waves.flatMap((wave) => wave.tasks.map((task) => task.agent));
  const present = new Set([...planned, ...scope.done.map((task) => task.agent)]);
  const awaited = awaitedAgents(present, scope.roster);
  /** Of each agent the tasks of earlier waves, wave by wave; those of earlier plans count as one wave. */
  const earlier = new Map<string, string[][]>();
  noteWave(earlier, scope.done);
  const waves = draft.waves.map((wave): PlanWave => {
    const tasks = planWave(wave, earlier, awaited);
    noteWave(
      earlier,
      tasks.map((task) => ({ taskId: task.task_id, agent: task.agent })),
    );
    return { wave_number: wave.waveNumber, rationale: wave.rationale, tasks: [...tasks] };
  });
  const plan = {
    strategy: draft.strategy,
    waves,
    risks: [...draft.risks],
    success_criteria: [...draft.successCriteria],
    notes: [],
  };
  return { ...plan, notes: [...dependencyNotes(plan, scope)] };
}

/** For each agent the ones whose results its tasks need: its own, and those that it depends on. */
function awaitedAgents(
  present: ReadonlySet<string>,
  roster: readonly AgentSpec[],
): ReadonlyMap<string, readonly string[]> {
  return new Map([...present].map((agent) => [agent, [agent, ...nearestDependencies(agent, present, roster)]]));
}

type EarlierTasks = ReadonlyMap<string, readonly (readonly string[])[]>;

function noteWave(earlier: Map<string, string[][]>, tasks: readonly DoneTask[]): void {
  const ofWave = new Map<string, string[]>();
  for (const { taskId: id, agent } of tasks) {
    const known = ofWave.get(agent);
    if (known === undefined) ofWave.set(agent, [id]);
    else known.push(id);
  }
  for (const [agent, ids] of ofWave) earlier.set(agent, [...(earlier.get(agent) ?? []).slice(1 - MOST_NEEDED), ids]);
}

function planWave(
  wave: DraftWave,
  earlier: EarlierTasks,
  awaited: ReadonlyMap<string, readonly string[]>,
): readonly PlanTask[] {
  const counts = new Map<string, number>();
  for (const { agent } of wave.tasks) counts.set(agent, (counts.get(agent) ?? 0) + 1);
  const placed = new Map<string, number>();
  return wave.tasks.map((task): PlanTask => {
    const place = placed.get(task.agent) ?? 0;
    placed.set(task.agent, place + 1);
    const among = { place, of: counts.get(task.agent) ?? 1 };
    return {
      task_id: taskId(task.agent, wave.waveNumber, place + 1),
      agent: task.agent,
      description: task.description,
      playbook: task.playbook,
      acceptance: [...task.acceptance],
      timeout_seconds: task.timeoutSeconds,
      protected: pathsOf(task.protected),
      changes: pathsOf(task.changes),
      artifacts: [...new Set((task.artifacts ?? []).map(artifactPattern))],
      dependencies: (awaited.get(task.agent) ?? []).flatMap((agent) => neededOf(earlier.get(agent) ?? [], among)),
    };
  });
}

/** Each once, as one relative to the workspace; what is no such path stays as it is, for validatePlan to find. */
const pathsOf = (paths: readonly string[] = []): string[] => [
  ...new Set(paths.map((path) => workspacePath(path) ?? path)),
];

/** So many results of one agent are handed on as they are; more are dealt out among the tasks that need them. */
const MOST_NEEDED = 4;

/**
 * The tasks of one awaited agent whose results a task needs. The waves' order already says that everything earlier is
 * done, so a dependency only means a result: of the agent's last tasks at most four. Where its last wave has
 * more, they are dealt out in order among this agent's tasks of the wave, so that each result is handed on and a plan's
 * dependencies grow with its tasks: the seventh of ten sites gets the seventh certificate, not all ten.
 * @param earlier the awaited agent's tasks, wave by wave
 * @param among which of its agent's tasks of the wave the task is, from 0, and of how many
 */
function neededOf(
  earlier: readonly (readonly string[])[],
  { place, of }: { readonly place: number; readonly of: number },
): readonly string[] {
  const last = earlier.at(-1) ?? [];
  if (last.length <= MOST_NEEDED) return earlier.flat().slice(-MOST_NEEDED);
  const from = Math.floor((place * last.length) / of);
  return last.slice(from, Math.max(from + 1, Math.floor(((place + 1) * last.length) / of)));
}

/** The plan's tasks in order, each with its place in the plan. */
export function eachTask(
  plan: Plan,
): readonly { readonly task: PlanTask; readonly waveIndex: number; readonly path: readonly (string | number)[] }[] {
  return plan.waves.flatMap((wave, waveIndex) =>
    wave.tasks.map((task, index) => ({ task, waveIndex, path: ['waves', waveIndex, 'tasks', index] })),
  );
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
    pairs.length === 0
      ? []
      : [`${title} count as satisfied: ${pairs.map((pair) => `${pair.agent} needs ${pair.dependency}`).join(', ')}`];
  return [
    ...note(
      "dependencies outside the mission's agents",
      missing.filter((pair) => !scope.agents.includes(pair.dependency)),
    ),
    ...note(
      'dependencies that the plan leaves out',
      missing.filter((pair) => scope.agents.includes(pair.dependency)),
    ),
  ];
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
  const description = 'Run the success checks of the mission.';
  return {
    waveNumber,
    task: {
      task_id: `verify-${agent}-wave${waveNumber}`,
      agent,
      description,
      playbook: null,
      acceptance: [...checks],
      timeout_seconds: null,
      protected: [],
      changes: [],
      artifacts: [],
      // It is the only task of the last wave: the order says the rest, and the checks need no results.
      dependencies: [],
    },
  };
}
