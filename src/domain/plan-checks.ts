/** What a plan's checks and paths are worth: checks that prove nothing, and paths that cannot be protected. */
import { playbookChanges, type AgentSpec } from './agent-spec.js';
import { artifactProblems } from './artifacts.js';
import type { Check, Plan, PlanTask } from './events.js';
import type { PlanProblem } from './plan-problem.js';
import { eachTask } from './plan.js';
import { quoted } from './quoted.js';
import { isRedacted } from './secret-patterns.js';
import { byteLength, SIZES } from './sizes.js';
import { isStaticCheck } from './static-check.js';
import { plannedPath } from './workspace-path.js';

type Path = readonly (string | number)[];

/** Checks that always pass; a planner's plan must have none. */
export const staticCheckProblems = (plan: Plan): readonly PlanProblem[] =>
  checkProblems(plan, ({ name, command }, whose) =>
    isStaticCheck(command)
      ? {
          message: `the check ${quoted(name)} of ${whose} always passes: ${quoted(command)}`,
          fix: 'give a command that fails until the work is done, or leave the check out',
        }
      : null,
  );

/** Checks that cannot run as they were written: the log has no secrets. */
export const secretCheckProblems = (plan: Plan): readonly PlanProblem[] =>
  checkProblems(plan, ({ name, command }, whose) =>
    isRedacted(command)
      ? {
          message: `the check ${quoted(name)} of ${whose} has a secret in its command`,
          fix: 'let the command read it where it is stored',
        }
      : null,
  );

/** Of the checks of all tasks, then of the mission; null: nothing is wrong with a check. */
function checkProblems(
  plan: Plan,
  faultOf: (check: Check, whose: string) => Omit<PlanProblem, 'path'> | null,
): readonly PlanProblem[] {
  const problems = (checks: readonly Check[], whose: string, path: Path) =>
    checks.flatMap((check, index): PlanProblem[] => {
      const fault = faultOf(check, whose);
      return fault === null ? [] : [{ path: [...path, index], ...fault }];
    });
  return [
    ...eachTask(plan).flatMap(({ task, path }) => problems(task.acceptance, task.task_id, [...path, 'acceptance'])),
    ...problems(plan.success_criteria, 'the mission', ['success_criteria']),
  ];
}

/** The static checks of a person's plan, as notes. */
export function staticCheckNotes(plan: Plan): readonly string[] {
  const names = (checks: readonly Check[]) =>
    checks.filter((check) => isStaticCheck(check.command)).map((check) => quoted(check.name));
  const notes = (where: string, found: readonly string[]) =>
    found.length === 0 ? [] : [`${where}: always passes and proves nothing: ${found.join(', ')}`];
  return [
    ...eachTask(plan).flatMap(({ task }) => notes(`checks of ${task.task_id}`, names(task.acceptance))),
    ...notes('success checks', names(plan.success_criteria)),
  ];
}

/** What is wrong with the paths that a task protects and changes, and with the patterns of its artifacts. */
export function pathProblems(task: PlanTask, path: Path): readonly PlanProblem[] {
  return [
    ...pathsSizeProblems(task, path),
    ...task.protected.flatMap((text, index) => problemOf(text, [...path, 'protected', index], false)),
    ...task.changes.flatMap((text, index) => problemOf(text, [...path, 'changes', index], true)),
    ...artifactProblems(task, path),
    ...task.protected.flatMap((text, index) =>
      task.changes.includes(text)
        ? [
            {
              path: [...path, 'protected', index],
              message: `${quoted(text)} is protected and to be changed`,
              fix: 'name it in one of the two lists',
            },
          ]
        : [],
    ),
  ];
}

function pathsSizeProblems(task: PlanTask, path: Path): readonly PlanProblem[] {
  const lists = (['protected', 'changes', 'artifacts'] as const).map((name) => {
    return { name, bytes: byteLength(task[name].join('')) };
  });
  const bytes = lists.reduce((sum, list) => sum + list.bytes, 0);
  if (bytes <= SIZES.paths) return [];
  const [longest] = lists.toSorted((a, b) => b.bytes - a.bytes);
  return [
    {
      path: [...path, longest?.name ?? 'protected'],
      message:
        'the paths in protected, changes and artifacts must have at most ' +
        `${SIZES.paths} bytes in all (they have ${bytes})`,
      fix: 'name directories instead of the files in them, or divide the task',
    },
  ];
}

/** What a task protects and another one of its wave says it changes: they run at the same time. */
export function sideBySideProblems(plan: Plan, roster: readonly AgentSpec[]): readonly PlanProblem[] {
  const specs = new Map(roster.map((spec) => [spec.name, spec]));
  const tasks = eachTask(plan);
  const protecting = tasks.filter(({ task }) => task.protected.length > 0);
  if (protecting.length === 0) return [];
  const changedIn = new Map<string, PlanTask[]>();
  for (const { task, waveIndex } of tasks)
    for (const text of changesOf(task, specs.get(task.agent))) {
      const key = `${waveIndex} ${plannedPath(text) ?? text}`;
      changedIn.set(key, [...(changedIn.get(key) ?? []), task]);
    }
  return protecting.flatMap(({ task, path, waveIndex }) =>
    task.protected.flatMap((text, index) => {
      const places = atAndAbove(plannedPath(text) ?? text);
      const other = places
        .flatMap((place) => changedIn.get(`${waveIndex} ${place}`) ?? [])
        .find((candidate) => candidate !== task);
      if (other === undefined) return [];
      return [
        {
          path: [...path, 'protected', index],
          message: `${quoted(text)} is protected, and ${other.task_id} of the same wave changes it`,
          fix: 'put the two tasks into different waves, or leave it out of one of the lists',
        },
      ];
    }),
  );
}

const changesOf = (task: PlanTask, spec: AgentSpec | undefined): readonly string[] => [
  ...task.changes,
  ...(spec === undefined ? [] : playbookChanges(spec, task.playbook)),
];

/** a/b, a and the workspace, for a/b. */
const atAndAbove = (path: string): readonly string[] => {
  const parts = path === '' ? [] : path.split('/');
  return [path, ...parts.map((_, at) => parts.slice(0, at).join('/')).reverse()];
};

function problemOf(text: string, path: Path, mayBeAll: boolean): readonly PlanProblem[] {
  const found = plannedPath(text);
  if (found === null)
    return [
      { path, message: `${quoted(text)} is outside the workspace`, fix: 'give a path relative to the workspace' },
    ];
  if (found === '' && !mayBeAll)
    return [{ path, message: 'the whole workspace cannot be protected', fix: 'name files or directories in it' }];
  if (/[*?]/.test(found))
    return [{ path, message: `${quoted(text)} is a pattern`, fix: 'name a file, or the directory that has the files' }];
  return [];
}
