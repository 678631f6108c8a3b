import { z } from 'zod';
import type { AgentSpec, Playbook } from '../domain/agent-spec.js';
import { permissionsOf } from '../domain/permissions.js';
import { ORCHESTRATOR } from '../domain/plan.js';
import { byteLength, SIZES } from '../domain/sizes.js';
import { checksSchema, command, numberIn, text, textWithin } from './checked-values.js';
import type { Problem } from './config-error.js';
import { limitSettings, limitsSchema } from './limit-settings.js';
import { networkHosts, networkProblems, networkSchema } from './network-setting.js';
import { PERMISSION_KEYS, permissionProblems } from './permission-settings.js';
import { repeated } from './repeated.js';
import { agentTexts } from './prompt-text.js';
import { chooseInstead } from '../domain/did-you-mean.js';
import { quoted, shortened } from '../domain/quoted.js';
import { workspacePath } from '../domain/workspace-path.js';
import { expressionProblems, isCommandAt } from './input-expressions.js';
import { secretProblems } from './secret-problems.js';
import { readYaml, type YamlSource } from './yaml-source.js';

/** Names are part of topics, consumer groups and task ids, hence only these characters, and not too many. */
const agentName = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, 'must be lower-case letters, digits and _, starting with a letter')
  .max(
    SIZES.name,
    `must have at most ${SIZES.name} characters: it is part of a topic's name, and Kafka takes 249 for all of it`,
  );
const playbookName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]*$/, "a playbook's name must be lower-case letters, digits, - and _")
  .max(SIZES.name, `a playbook's name must have at most ${SIZES.name} characters`);

/** A file or directory of the workspace; the workspace itself is . */
const workspacePathSchema = textWithin(1000).refine(
  (path) => workspacePath(path) !== null && !/[*?]/.test(path),
  'must be a file or directory of the workspace, without * and ?',
);

const stepSchema = z.strictObject({ name: textWithin(SIZES.description), command, unless: command.optional() });

const frontMatterSchema = z.strictObject({
  name: agentName,
  description: text,
  phase: numberIn('agent phase'),
  depends_on: z.array(agentName).default([]),
  tools: z.array(text).min(1, 'must name at least one tool'),
  models: z.array(text).min(1, 'must name at least one model').optional(),
  concurrency: numberIn('agent concurrency').default(1),
  timeout_seconds: numberIn('agent timeout_seconds').default(300),
  max_steps: numberIn('agent max_steps').default(40),
  secrets_key: z.boolean().default(false),
  limits: limitsSchema.optional(),
  network: networkSchema.default([]),
  ...PERMISSION_KEYS,
  playbooks: z
    .record(
      playbookName,
      z.strictObject({
        steps: z.array(stepSchema).min(1, 'must have at least one step'),
        acceptance: checksSchema.default([]),
        changes: z.array(workspacePathSchema).max(100, 'must name at most 100 paths').default([]),
      }),
    )
    .default({}),
});

type FrontMatter = z.output<typeof frontMatterSchema>;

/** One agents/*.md file, read as far as possible without the other files. */
export interface AgentFile {
  readonly file: string;
  readonly source: YamlSource<FrontMatter>;
  /** null if there are problems. */
  readonly spec: AgentSpec | null;
  readonly problems: readonly Problem[];
}

/** The text of an agent's file, and the sha256 of its bytes, hex. */
export interface AgentFileContent {
  readonly text: string;
  readonly digest: string;
}

/**
 * Reads an agent's file: YAML front matter between two lines of ---, then the prompt. Never throws for bad content:
 * the result lists the problems.
 */
export function readAgentFile(
  { text: content, digest }: AgentFileContent,
  file: string,
  tools: readonly string[],
): AgentFile {
  const parts = /^\uFEFF?---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n([\s\S]*))?$/.exec(content);
  if (!parts) {
    return refusedAgentFile({
      file,
      line: 1,
      column: 1,
      message: 'the front matter is missing',
      fix: "start the file with a line of ---, the agent's keys and another line of ---",
    });
  }
  const source = readYaml(parts[1] ?? '', file, frontMatterSchema, 2);
  const body = parts[2] ?? '';
  const prompt = body.trim();
  const matter = source.value;
  const problems = [
    ...source.problems,
    ...secretProblems(source),
    ...expressionProblems(source, [], (path) => (isCommandAt(path) ? 'command' : null)),
    ...(prompt === '' ? [promptMissing(content, file)] : []),
    ...(matter ? matterProblems(matter, source, file, tools) : []),
  ];
  const spec = matter && problems.length === 0 ? toSpec(matter, prompt, digest) : null;
  const before = content.slice(0, content.length - body.trimStart().length);
  const tooLarge = spec === null ? [] : textsTooLarge(spec, { file, line: before.split('\n').length });
  return { file, source, spec: tooLarge.length === 0 ? spec : null, problems: [...problems, ...tooLarge] };
}

/** The journal has the system text, in a record with other texts. @param place of the prompt */
function textsTooLarge(spec: AgentSpec, place: Pick<Problem, 'file' | 'line'>): readonly Problem[] {
  const bytes = byteLength(JSON.stringify(agentTexts(spec)));
  if (bytes <= SIZES.agentTexts) return [];
  return [
    {
      ...place,
      column: 1,
      message:
        `the prompt and the names of hosts, secrets and mounts have ${bytes} bytes as JSON; ` +
        `${SIZES.agentTexts} are allowed`,
      fix: 'shorten the prompt: what only some tasks need belongs into their descriptions, or into a file of a mount',
    },
  ];
}

/** The name that an agent must have in its file. */
export const nameOfAgentFile = (file: string): string => file.replace(/^.*[\\/]/, '').replace(/\.md$/, '');

/** A file that could not be read; only its name is known. */
export function refusedAgentFile(problem: Problem): AgentFile {
  return { file: problem.file, source: readYaml('', problem.file, frontMatterSchema), spec: null, problems: [problem] };
}

function promptMissing(content: string, file: string): Problem {
  return {
    file,
    line: content.trimEnd().split('\n').length + 1,
    column: 1,
    message: 'the prompt is missing',
    fix: 'write the prompt below the front matter',
  };
}

function matterProblems(
  matter: FrontMatter,
  source: YamlSource<FrontMatter>,
  file: string,
  tools: readonly string[],
): readonly Problem[] {
  const expected = nameOfAgentFile(file);
  return [
    ...(matter.name === ORCHESTRATOR
      ? [source.problemAt(['name'], 'the name "orchestrator" is reserved', 'choose another name')]
      : []),
    ...(matter.name !== expected
      ? [
          source.problemAt(
            ['name'],
            `the name ${quoted(matter.name)} differs from the file's name "${expected}"`,
            `rename the file to ${shortened(matter.name)}.md or the agent to ${expected}`,
          ),
        ]
      : []),
    ...matter.tools.flatMap((tool, index) =>
      tools.includes(tool)
        ? []
        : [source.problemAt(['tools', index], `unknown tool ${quoted(tool)}`, chooseInstead(tool, tools))],
    ),
    ...repeated(matter.tools).map((index) =>
      source.problemAt(
        ['tools', index],
        `the tool ${quoted(matter.tools[index] ?? '')} is named twice`,
        'name it once',
      ),
    ),
    ...repeated(matter.depends_on).map((index) =>
      source.problemAt(
        ['depends_on', index],
        `the dependency ${quoted(matter.depends_on[index] ?? '')} is named twice`,
        'name it once',
      ),
    ),
    ...networkProblems(matter.network, source.problemAt),
    ...permissionProblems(matter, source),
  ];
}

function toSpec(matter: FrontMatter, prompt: string, digest: string): AgentSpec {
  const playbooks = Object.entries(matter.playbooks).map(([name, playbook]): [string, Playbook] => [
    name,
    {
      name,
      acceptance: playbook.acceptance,
      changes: playbook.changes.map((path) => workspacePath(path) ?? path),
      steps: playbook.steps.map((step) => ({ name: step.name, command: step.command, unless: step.unless ?? null })),
    },
  ]);
  return {
    name: matter.name,
    digest,
    description: matter.description,
    phase: matter.phase,
    dependsOn: matter.depends_on,
    tools: matter.tools,
    models: matter.models ?? null,
    concurrency: matter.concurrency,
    timeoutSeconds: matter.timeout_seconds,
    maxSteps: matter.max_steps,
    ...(matter.secrets_key ? { secretsKey: true } : {}),
    ...(matter.limits === undefined ? {} : { limits: limitSettings(matter.limits) }),
    ...(matter.network.length === 0 ? {} : { network: networkHosts(matter.network) }),
    ...permissionsOf(matter),
    playbooks: Object.fromEntries(playbooks),
    prompt,
  };
}
