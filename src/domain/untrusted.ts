/** What an orchestrator knows of the untrusted content that an attempt may read (taint.ts). Pure. */
import { taintedBefore } from './continuation.js';
import { planReasonOf, type Mission } from './mission-state.js';
import { endedWell, type MissionTask } from './mission-task-state.js';
import { cutToBytes, SIZES } from './sizes.js';
import type { Reach, UntrustedSource } from './taint.js';

/**
 * The untrusted content that the next attempt of a task reads or may read. All tasks of a mission share its workspace:
 * what one tainted task may have written, every other one may read.
 * @param reach of the task's agent
 * @param reachOfAgent of any agent
 */
export function untrustedFor(
  mission: Mission,
  task: MissionTask,
  reach: readonly Reach[],
  reachOfAgent: (agent: string) => readonly Reach[],
): UntrustedSource[] {
  const inCalls = (origin: string, detail: string) => ({ origin, detail, in_prompt: false });
  const { workspace, workspace_trusted } = mission.request;
  const writers = [...writersBeside(mission, task, reachOfAgent), ...taintedBefore(mission)];
  const sources = [
    ...(task.kind === 'verify' ? untrustedChecks(mission, task) : untrustedTexts(mission, task)),
    ...(workspace === null || workspace_trusted ? [] : [inCalls('workspace', '')]),
    ...(writers.length === 0 ? [] : [inCalls('files', shortList(writers))]),
    ...reach.map(({ origin, detail }) => inCalls(origin, detail)),
  ];
  return sources.map((source) => ({ ...source, detail: cutToBytes(source.detail, SIZES.origin) }));
}

const inPrompt = (origin: string, detail = '') => ({ origin, detail, in_prompt: true });

/** Texts of the first prompt. */
function untrustedTexts(mission: Mission, task: MissionTask): UntrustedSource[] {
  const { tainted } = mission.index;
  const inputs = task.plan.dependencies.filter((id) => {
    const dependency = tainted.get(id);
    return dependency !== undefined && endedWell(dependency);
  });
  return [
    ...textsOfPlanner(mission),
    ...(tainted.has(task.id) ? [inPrompt('attempt')] : []),
    ...(inputs.length === 0 ? [] : [inPrompt('tasks', shortList(inputs))]),
  ];
}

/** Of the mission's checks: those that a planner has added come from what it has read, a person's own do not. */
function untrustedChecks(mission: Mission, { plan, plannedBy }: MissionTask): UntrustedSource[] {
  const own = new Set(mission.request.success.map(({ command }) => command));
  const isAdded = plannedBy !== 'mission' && plan.acceptance.some(({ command }) => !own.has(command));
  return isAdded ? textsOfPlanner(mission) : [];
}

/** What a planner and each of its tasks read. */
function textsOfPlanner(mission: Mission): UntrustedSource[] {
  const { tainted } = mission.index;
  // A changed plan and a question to a person quote what tasks have said.
  const isReplanned =
    (planReasonOf(mission) !== null && tainted.size > 0) || mission.request.continues?.plan_tainted === true;
  return [
    ...(mission.request.brief_trusted ? [] : [inPrompt('brief')]),
    ...(isReplanned ? [inPrompt('plan')] : []),
    ...(mission.answer !== null && tainted.size > 0 ? [inPrompt('answer')] : []),
  ];
}

/** Other tasks that are tainted, and those of the same wave that may become so while this one runs. */
function writersBeside(
  { index }: Mission,
  task: MissionTask,
  reachOfAgent: (agent: string) => readonly Reach[],
): readonly string[] {
  const tainted = [...first(index.tainted.keys(), SHOWN + 2)].filter((id) => id !== task.id);
  const agents = [...(index.waves.get(task.wave)?.agents ?? [])].flatMap(([agent, tasks]) => {
    const others = tasks - (agent === task.plan.agent ? 1 : 0);
    return others > 0 && reachOfAgent(agent).length > 0 ? [agent] : [];
  });
  return [...tainted, ...agents];
}

/** Names in a detail; an assignment must not grow with its mission. */
const SHOWN = 3;

function* first<T>(values: Iterable<T>, most: number): Generator<T> {
  let left = most;
  for (const value of values) {
    if (left === 0) return;
    left -= 1;
    yield value;
  }
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).join(', ');
  return names.length > SHOWN ? `${shown} and others` : shown;
}
