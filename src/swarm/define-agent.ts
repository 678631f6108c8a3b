import { digestOfSpec } from '../agent/agent-digest.js';
import { readAgentFile } from '../agent/agent-file.js';
import { ConfigError } from '../agent/config-error.js';
import { limitKeys, type LimitsDefinition } from '../agent/limit-settings.js';
import type { NetworkEntry } from '../agent/network-setting.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import type { Permissions } from '../domain/permissions.js';
import { TOOL_DEFINITIONS } from '../tools/definitions.js';

/** An agent as an object: the keys of an agents/*.md file in camel case, and its prompt. */
export interface AgentDefinition extends Permissions {
  /** Lower-case letters, digits and _, starting with a letter. Names topics and groups. */
  readonly name: string;
  /** What it is responsible for; the planner reads it. */
  readonly description: string;
  /** Instructions for the model. Default the description. */
  readonly prompt?: string;
  /** Earliest wave of its tasks, 1 to 1000. Default 1. */
  readonly phase?: number;
  /** Names of agents whose tasks come before. Default none. */
  readonly dependsOn?: readonly string[];
  /** Names of its tools. Default all. */
  readonly tools?: readonly string[];
  /** Its own model chain, in order. Default the swarm's. */
  readonly models?: readonly string[];
  /** Tasks that run side by side in one process, 1 to 1000. Default 1. */
  readonly concurrency?: number;
  /** Limit of an attempt in seconds, 1 to 31536000. Default 300. */
  readonly timeoutSeconds?: number;
  /** Limit of an attempt in steps, 1 to 10000. Default 40. */
  readonly maxSteps?: number;
  /** Whether its commands see the key of the workspace, in /keys. Default false. */
  readonly secretsKey?: boolean;
  /** Of each of its calls. Default: docs/agents.md has the table. */
  readonly limits?: LimitsDefinition;
  /** What its commands may reach, each host:port. Default nothing. */
  readonly network?: readonly NetworkEntry[];
  /** Fixed ways to do a task without a model, by name. Default none. */
  readonly playbooks?: Readonly<Record<string, PlaybookDefinition>>;
}

export interface PlaybookDefinition {
  /** In order. A step is skipped when its `unless` command exits 0. Default: it always runs. */
  readonly steps: readonly { readonly name: string; readonly command: string; readonly unless?: string }[];
  /** Commands that prove the task; each passes when it exits 0. Default none. */
  readonly acceptance?: readonly { readonly name: string; readonly command: string }[];
  /** Files and directories that it makes or changes, although its checks name them. Default none. */
  readonly changes?: readonly string[];
}

/** An agent for createSwarm and createClient. Throws ConfigError with every problem of the definition. */
export function defineAgent(definition: AgentDefinition): AgentSpec {
  const tools = TOOL_DEFINITIONS.map((tool) => tool.name);
  const matter = {
    name: definition.name,
    description: definition.description,
    phase: definition.phase ?? 1,
    depends_on: definition.dependsOn ?? [],
    tools: definition.tools ?? tools,
    models: definition.models,
    concurrency: definition.concurrency,
    timeout_seconds: definition.timeoutSeconds,
    max_steps: definition.maxSteps,
    secrets_key: definition.secretsKey,
    limits: limitKeys(definition.limits),
    network: definition.network,
    secrets: definition.secrets,
    mounts: definition.mounts,
    docker: definition.docker,
    playbooks: definition.playbooks,
  };
  // JSON is YAML: an object is judged by the same rules as a file.
  const content = `---\n${JSON.stringify(matter)}\n---\n${definition.prompt ?? definition.description}`;
  const { spec, problems } = readAgentFile({ text: content, digest: '' }, `${definition.name}.md`, tools);
  if (spec !== null) return { ...spec, digest: digestOfSpec(spec) };
  const file = `defineAgent ${definition.name}`;
  throw new ConfigError(problems.map((problem) => ({ ...problem, file, line: null, column: null })));
}
