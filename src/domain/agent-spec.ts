import type { Check, PlanTask } from './events.js';
import type { LimitSettings } from './limits.js';
import type { NetworkHost } from './network.js';
import type { Permissions } from './permissions.js';

/** What the events call the model that follows an agent's playbook, and is none. */
export const PLAYBOOK_MODEL = 'playbook';

/** A specialist as its agents/*.md file describes it. */
export interface AgentSpec extends Permissions {
  readonly name: string;
  /**
   * Revision of the agent: sha256, in hex, of the bytes of its file (a change of a comment or of
   * a line end is a new revision too). An agent that is defined in code has the sha256 of its normalised spec
   * (agent/agent-digest.ts).
   */
  readonly digest: string;
  readonly description: string;
  /** Lower bound of the wave, from 1; dependencies win. */
  readonly phase: number;
  /** Names of agents whose tasks come before this one's. */
  readonly dependsOn: readonly string[];
  readonly tools: readonly string[];
  /** Model chain by name, tried in order; null: the configured default chain. */
  readonly models: readonly string[] | null;
  /** Tasks that run side by side in one worker process. */
  readonly concurrency: number;
  readonly timeoutSeconds: number;
  readonly maxSteps: number;
  /** Whether its commands see the key of the workspace, in /keys; absent: they do not. */
  readonly secretsKey?: boolean;
  /** Of each of its calls; absent: the defaults. */
  readonly limits?: LimitSettings;
  /** What its commands may reach; absent: nothing. */
  readonly network?: readonly NetworkHost[];
  readonly playbooks: Readonly<Record<string, Playbook>>;
  readonly prompt: string;
}

/** A deterministic way to do one kind of task. */
export interface Playbook {
  readonly name: string;
  readonly steps: readonly PlaybookStep[];
  readonly acceptance: readonly Check[];
  /** Files and directories that it makes or changes, although its checks name them; absent: none. */
  readonly changes?: readonly string[];
}

export interface PlaybookStep {
  readonly name: string;
  readonly command: string;
  /** The step is skipped when this command exits 0; it counts as idempotent. */
  readonly unless: string | null;
}

/** Checks of one of the agent's playbooks; none where there is no such playbook. */
export function playbookChecks(spec: AgentSpec, playbook: string | null): readonly Check[] {
  return playbook === null ? [] : (spec.playbooks[playbook]?.acceptance ?? []);
}

/** What a playbook makes or changes although its checks name it; none where the agent has no such playbook. */
export function playbookChanges(spec: AgentSpec, playbook: string | null): readonly string[] {
  return playbook === null ? [] : (spec.playbooks[playbook]?.changes ?? []);
}

/** Commands of a playbook's steps, their unless included; none where the agent has no such playbook. */
export function playbookCommands(spec: AgentSpec, playbook: string | null): readonly string[] {
  const steps = playbook === null ? [] : (spec.playbooks[playbook]?.steps ?? []);
  return steps.flatMap(({ command, unless }) => (unless === null ? [command] : [command, unless]));
}

/** Commands of a planned task that are known before it begins: of its checks and of its playbook. */
export function plannedCommands(
  { acceptance, playbook }: Pick<PlanTask, 'acceptance' | 'playbook'>,
  spec: AgentSpec | undefined,
): readonly string[] {
  const checks = spec === undefined ? acceptance : [...acceptance, ...playbookChecks(spec, playbook)];
  return [...checks.map(({ command }) => command), ...(spec === undefined ? [] : playbookCommands(spec, playbook))];
}
