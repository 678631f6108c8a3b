import { z } from 'zod';
import type { ApprovalMode, Budget, Check, OnFailure, Plan } from '../domain/events.js';
import { staticCheckNotes } from '../domain/plan-checks.js';
import { validatePlan } from '../domain/plan-rules.js';
import { buildPlan, ORCHESTRATOR, type PlanDraft, type PlanScope } from '../domain/plan.js';
import type { LimitSettings } from '../domain/limits.js';
import { isSecretInput, variableOf, type MissionInput } from '../domain/mission-inputs.js';
import { SIZES } from '../domain/sizes.js';
import { declarationOf, declarationProblems, inputsSchema, type InputDeclaration } from './input-declarations.js';
import { expandInputs, expressionProblems, inputsNamedIn, isCommandAt } from './input-expressions.js';
import {
  missingInputs,
  readInputs,
  secretInputProblems,
  wrongInText,
  type GivenInput,
  type InputOptions,
} from './input-values.js';
import { repeated } from './repeated.js';
import { checksSchema, numberIn, text, textWithin } from './checked-values.js';
import { ConfigError, type Problem } from './config-error.js';
import { chooseInstead } from '../domain/did-you-mean.js';
import { limitSettings, limitsSchema } from './limit-settings.js';
import { quoted } from '../domain/quoted.js';
import type { Roster } from './roster.js';
import { secretProblems } from './secret-problems.js';
import { readYaml, type Path, type YamlSource } from './yaml-source.js';

/** A mission as its file describes it, with the fields of mission_requested. */
export interface MissionFile {
  readonly name: string;
  readonly brief: string;
  readonly approval: ApprovalMode;
  readonly retries: number;
  readonly onFailure: OnFailure;
  readonly budget: Budget;
  /** Of each call of its tasks, where lower than the agent's; absent: none. */
  readonly limits?: LimitSettings;
  /** What agents may follow: the brief, and the files of a given workspace; absent: the brief only. */
  readonly trust?: { readonly brief: boolean; readonly workspace: boolean };
  /** Whether snapshots of the workspace are taken; null or absent: with --workspace. */
  readonly snapshots?: boolean | null;
  /** Agents that may take part, in dependency order. */
  readonly agents: readonly string[];
  readonly success: readonly Check[];
  /** The plan in the file; null: a planner makes the plan. */
  readonly plan: Plan | null;
  /** order: the plan is the agents' declared order; null: a planner model reads the brief. */
  readonly planner: 'order' | null;
  /** With the values that brief and plan have already; absent: none. */
  readonly inputs?: readonly MissionInput[];
  /** Names of the variables that its inputs may give, also of those without a value; absent: those of inputs. */
  readonly variables?: readonly string[];
  /** What is allowed, and to be looked at before the mission starts; absent: nothing. */
  readonly cautions?: readonly Problem[];
}

const taskSchema = z.strictObject({
  agent: text.describe('The agent that runs the task.'),
  description: textWithin(SIZES.description).describe('What the agent has to do.'),
  playbook: text.optional().describe("One of the agent's playbooks, if one fits the task."),
  timeout_seconds: numberIn('task timeout_seconds')
    .optional()
    .describe("Execution deadline in seconds; default: the agent's."),
  acceptance: checksSchema
    .default([])
    .describe('Commands that verify the task, in addition to those of its playbook; each passes if it exits 0.'),
  protected: z
    .array(textWithin(SIZES.path))
    .max(100, 'must name at most 100 paths')
    .default([])
    .describe('Files and directories that the task must not change, besides those that its checks name.'),
  changes: z
    .array(textWithin(SIZES.path))
    .max(100, 'must name at most 100 paths')
    .default([])
    .describe('Files and directories that the task may change although they exist and its checks name them.'),
  artifacts: z
    .array(textWithin(SIZES.path))
    .max(100, 'must name at most 100 patterns')
    .default([])
    .describe(
      'Patterns of the files that the task leaves for you, such as report/*.md or dist/**; ' +
        'they are listed when the task has ended, also when it failed.',
    ),
});

const planSchema = z.strictObject({
  strategy: text.optional().describe('The reasoning in a few sentences.'),
  waves: z
    .array(
      z.strictObject({
        rationale: text.optional().describe('Why these tasks, now.'),
        tasks: z.array(taskSchema).min(1, 'a wave needs at least one task'),
      }),
    )
    .min(1, 'a plan needs at least one wave')
    .describe('Waves in order; the tasks of a wave run concurrently.'),
  risks: z.array(text).default([]).describe('What may go wrong.'),
});

const missionSchema = z
  .strictObject({
    name: text
      .max(SIZES.missionName, `must have at most ${SIZES.missionName} characters`)
      .describe('Name of the mission.'),
    brief: textWithin(SIZES.brief).describe('Text that every agent receives.'),
    approval: z
      .enum(['none', 'monitoring', 'approval'])
      .default('none')
      .describe(
        'none: the plan starts at once. monitoring: it is printed and starts. ' +
          'approval: it waits for approve or reject.',
      ),
    retries: numberIn('mission retries').default(2).describe('How often a failed task is attempted again.'),
    on_failure: z
      .enum(['fail', 'ask'])
      .default('fail')
      .describe(
        'What happens when neither retries nor a changed plan help. fail: the mission fails. ' +
          'ask: it waits for a person, who answers or cancels.',
      ),
    budget: z
      .strictObject({
        usd: numberIn('mission budget.usd').optional().describe('US dollars.'),
        tokens: numberIn('mission budget.tokens').optional().describe('Tokens, prompt and reply.'),
        minutes: numberIn('mission budget.minutes').optional().describe('Wall time from the request, in minutes.'),
      })
      .optional()
      .describe('Hard limits; a missing key means no limit.'),
    limits: limitsSchema
      .optional()
      .describe("What each call of a tool may use, where it is lower than the agent's own limit."),
    trust: z
      .strictObject({
        brief: z
          .boolean()
          .default(true)
          .describe('Whether the brief is your own text. false: it quotes others, such as a ticket.'),
        workspace: z
          .boolean()
          .default(false)
          .describe('Whether you trust the files of the directory that --workspace names.'),
      })
      .prefault({})
      .describe('What agents may follow; tasks that read anything else are tainted.'),
    snapshots: z
      .boolean()
      .optional()
      .describe(
        'Whether the workspace is kept as it was before the mission and after each wave, for diff and restore. ' +
          'Default: with --workspace.',
      ),
    agents: z
      .array(text)
      .min(1, 'must name at least one agent')
      .optional()
      .describe('Agents that may take part; default: all. Dependencies on other agents count as satisfied.'),
    planner: z
      .enum(['model', 'order'])
      .optional()
      .describe(
        'Who plans a mission without a plan. model: a planner model reads the brief (default). ' +
          "order: waves from the agents' declared phases and dependencies; the brief is not read.",
      ),
    plan: planSchema.optional().describe('A fixed plan; no planner is called, and it is never changed.'),
    inputs: inputsSchema,
    success: checksSchema
      .default([])
      .describe('Commands that verify the mission, run as its last task; each passes if it exits 0.'),
  })
  .describe('A mission of the Ravenhelm swarm.');

type MissionSource = z.output<typeof missionSchema>;

/** A mission file without values for its inputs, in which nothing else is wrong. */
export interface OpenedMission {
  readonly inputs: readonly InputDeclaration[];
  /** The inputs that need a value, of those that have none. */
  missing(given: readonly GivenInput[]): readonly InputDeclaration[];
  /** The mission with these values; of two for one input the last one counts. Throws ConfigError. */
  withInputs(given: readonly GivenInput[], options?: InputOptions): MissionFile;
}

/** Reads a mission file. Throws ConfigError with the line and column of every problem. */
export function openMissionFile(content: string, fileName: string, roster: Roster): OpenedMission {
  const source = readYaml(content, fileName, missionSchema);
  const mission = source.value;
  if (!mission) throw new ConfigError(source.problems);
  const inputs = mission.inputs.map(declarationOf);
  const scope: PlanScope = { roster: roster.agents, agents: mission.agents ?? roster.names, done: [] };
  const plan = planOf(mission, scope);
  const cautions = followedInputs(mission, inputs, source);
  throwIfAny([
    ...agentProblems(mission, source, roster),
    ...plannerProblems(mission, source),
    ...secretProblems(source),
    ...declarationProblems(mission.inputs, source),
    ...expressionProblems(source, inputs, kindOfText),
    ...(plan ? planProblems(plan, scope, source) : []),
  ]);
  return {
    inputs,
    missing: (given) => missingInputs(inputs, given),
    withInputs(given, options = {}) {
      const values = readInputs(inputs, given, source, options);
      const { expanded, problems } = expandMission(mission, values, source);
      throwIfAny(problems);
      const file = {
        ...fileOf(expanded, roster),
        plan: planOf(expanded, scope),
        inputs: values,
        variables: inputs.map(variableOf),
        ...(cautions.length === 0 ? {} : { cautions }),
      };
      // Values may make other paths of those that a task must not change.
      throwIfAny(file.plan === null ? [] : planProblems(file.plan, scope, source));
      throwIfAny(secretInputProblems(file, source, roster));
      return { ...file, plan: file.plan === null ? null : withNotes(file.plan, mission.success) };
    },
  };
}

function throwIfAny(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ConfigError(problems);
}

const planOf = ({ plan }: MissionSource, scope: PlanScope): Plan | null =>
  plan === undefined ? null : buildPlan(toDraft(plan), scope);

function fileOf(mission: MissionSource, roster: Roster): Omit<MissionFile, 'plan' | 'inputs'> {
  const agents = mission.agents ?? roster.names;
  return {
    name: mission.name,
    brief: mission.brief,
    approval: mission.approval,
    retries: mission.retries,
    onFailure: mission.on_failure,
    budget: {
      usd: mission.budget?.usd ?? null,
      tokens: mission.budget?.tokens ?? null,
      minutes: mission.budget?.minutes ?? null,
    },
    limits: limitSettings(mission.limits),
    trust: mission.trust,
    snapshots: mission.snapshots ?? null,
    agents: roster.names.filter((name) => agents.includes(name)),
    success: mission.success,
    planner: mission.planner === 'order' ? 'order' : null,
  };
}

/** plan.waves[0].tasks[1].description */
const isDescription = (path: Path): boolean => path.length === 6 && path[0] === 'plan' && path[5] === 'description';

/** plan.waves[0].tasks[1].protected[2]; a path is no command, and is judged again with its value. */
const isPath = (path: Path): boolean => path.length === 7 && path[0] === 'plan' && PATHS.some((key) => key === path[5]);

const PATHS = ['protected', 'changes', 'artifacts'] as const;

function kindOfText(path: Path): 'expanded' | 'command' | 'plain' {
  if (isDescription(path) || isPath(path) || (path.length === 1 && path[0] === 'brief')) return 'expanded';
  return isCommandAt(path) ? 'command' : 'plain';
}

/** The mission with the values of its inputs in its texts, and what is wrong with these texts then. */
function expandMission(
  mission: MissionSource,
  inputs: readonly MissionInput[],
  source: YamlSource<MissionSource>,
): { readonly expanded: MissionSource; readonly problems: readonly Problem[] } {
  const values = new Map(inputs.filter((input) => !isSecretInput(input)).map(({ name, value }) => [name, value]));
  const problems: Problem[] = [];
  const expand = (before: string, most: number, path: Path): string => {
    const after = expandInputs(before, mission.inputs, values);
    const wrong = after === before ? null : wrongInText(after, most);
    if (wrong !== null) problems.push(source.problemAt(path, `with its inputs it ${wrong.message}`, wrong.fix));
    return after;
  };
  const brief = expand(mission.brief, SIZES.brief, ['brief']);
  const waves = mission.plan?.waves.map((wave, at) => ({
    ...wave,
    tasks: wave.tasks.map((task, index) => {
      const place = ['plan', 'waves', at, 'tasks', index];
      const paths = (key: (typeof PATHS)[number]) =>
        task[key].map((path, number) => expand(path, SIZES.path, [...place, key, number]));
      return {
        ...task,
        description: expand(task.description, SIZES.description, [...place, 'description']),
        protected: paths('protected'),
        changes: paths('changes'),
        artifacts: paths('artifacts'),
      };
    }),
  }));
  const plan = mission.plan === undefined || waves === undefined ? {} : { plan: { ...mission.plan, waves } };
  return { expanded: { ...mission, brief, ...plan }, problems };
}

/**
 * Texts of strangers that agents would follow: where the brief is not trusted, a text that is put into it is not
 * either, and a task's description is an instruction.
 */
function followedInputs(
  { brief, trust, plan }: MissionSource,
  inputs: readonly InputDeclaration[],
  source: YamlSource<MissionSource>,
): readonly Problem[] {
  if (trust.brief || plan === undefined) return [];
  const texts = inputs.filter(({ type }) => type === 'string').map(({ name }) => name);
  const untrusted = inputsNamedIn(brief, inputs).filter((name) => texts.includes(name));
  return plan.waves.flatMap((wave, at) =>
    wave.tasks.flatMap(({ description }, index) =>
      inputsNamedIn(description, inputs)
        .filter((name) => untrusted.includes(name))
        .map((name) =>
          source.problemAt(
            ['plan', 'waves', at, 'tasks', index, 'description'],
            `the agent follows the description, which has the input ${quoted(name)}, as the untrusted brief has`,
            'leave it to the brief, which agents see as data, or check the value before the mission starts',
          ),
        ),
    ),
  );
}

/** A person may give checks that prove nothing; the plan says so. */
function withNotes(plan: Plan, success: readonly Check[]): Plan {
  return { ...plan, notes: [...plan.notes, ...staticCheckNotes({ ...plan, success_criteria: [...success] })] };
}

/** The JSON Schema of a mission file; missions/mission.schema.json publishes it for editors. */
export function missionJsonSchema(): object {
  return z.toJSONSchema(missionSchema, { io: 'input', target: 'draft-7' });
}

function toDraft(plan: NonNullable<MissionSource['plan']>): PlanDraft {
  return {
    strategy: plan.strategy ?? "The mission file's own plan.",
    waves: plan.waves.map((wave, index) => ({
      waveNumber: index + 1,
      rationale: wave.rationale ?? '',
      tasks: wave.tasks.map((task) => ({
        agent: task.agent,
        description: task.description,
        playbook: task.playbook ?? null,
        acceptance: task.acceptance,
        timeoutSeconds: task.timeout_seconds ?? null,
        protected: task.protected,
        changes: task.changes,
        artifacts: task.artifacts,
      })),
    })),
    risks: plan.risks,
    successCriteria: [],
  };
}

function agentProblems(mission: MissionSource, source: YamlSource<MissionSource>, roster: Roster): readonly Problem[] {
  const names = mission.agents ?? [];
  const unknown = names.flatMap((name, index) => {
    if (name === ORCHESTRATOR)
      return [
        source.problemAt(['agents', index], 'the orchestrator is not an agent and cannot run tasks', 'leave it out'),
      ];
    return roster.byName(name)
      ? []
      : [source.problemAt(['agents', index], `unknown agent ${quoted(name)}`, chooseInstead(name, roster.names))];
  });
  return [
    ...unknown,
    ...repeated(names).map((index) =>
      source.problemAt(['agents', index], `the agent ${quoted(names[index] ?? '')} is named twice`, 'name it once'),
    ),
  ];
}

/** A plan in the file is never changed: a planner beside it would do nothing. */
function plannerProblems(mission: MissionSource, source: YamlSource<MissionSource>): readonly Problem[] {
  return mission.planner === undefined || mission.plan === undefined
    ? []
    : [source.problemAt(['planner'], 'the mission has a plan and names a planner', 'leave one of them out')];
}

/** The same rules as for a planner's plan, with the position in the file. */
function planProblems(plan: Plan, scope: PlanScope, source: YamlSource<MissionSource>): readonly Problem[] {
  return validatePlan(plan, scope).map((problem) =>
    source.problemAt(['plan', ...problem.path], problem.message, problem.fix),
  );
}
