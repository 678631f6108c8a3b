import { readFile } from 'node:fs/promises';
import { ConfigError } from '../agent/config-error.js';
import type { GivenInput } from '../agent/input-values.js';
import { openMissionFile, type MissionFile, type OpenedMission } from '../agent/mission-file.js';
import { limitKeys, type LimitsDefinition } from '../agent/limit-settings.js';
import type { Roster } from '../agent/roster.js';
import { decodeText, NO_TEXT } from '../agent/text-file.js';
import type { Redact } from '../domain/redaction.js';

/** Limits of a mission's budget. What is not given stays, or has no limit. */
export interface BudgetLimits {
  /** US dollars, 0.000001 to 1000000. Default no limit. */
  readonly usd?: number;
  /** Of prompts and replies, 1 to 1000000000000. Default no limit. */
  readonly tokens?: number;
  /** Wall time from the request, 0.001 to 5256000; pauses do not count. Default no limit. */
  readonly minutes?: number;
}

/** A mission as an object: the keys of a mission file, in camel case. */
export interface MissionDefinition {
  readonly name: string;
  /** Text that every agent receives. */
  readonly brief: string;
  /** approval: the plan waits for approve() or reject(). Default none. */
  readonly approval?: 'none' | 'monitoring' | 'approval';
  /** New attempts that a failed task may have, 0 to 10. Default 2. */
  readonly retries?: number;
  /** ask: it waits for answer() when neither retries nor a changed plan help. Default fail. */
  readonly onFailure?: 'fail' | 'ask';
  /** Hard limits. Default none. */
  readonly budget?: BudgetLimits;
  /** Of each call of its tasks, where lower than the agent's. Default none. */
  readonly limits?: LimitsDefinition;
  /**
   * What agents may follow: the brief (default true), and the files of the given workspace (default false). Tasks that
   * read anything else are tainted.
   */
  readonly trust?: { readonly brief?: boolean; readonly workspace?: boolean };
  /** Whether snapshots of its workspace are taken, for diff() and restore(). Default: where `workspace` is given. */
  readonly snapshots?: boolean;
  /** Agents that may take part. Default all. */
  readonly agents?: readonly string[];
  /**
   * Who plans a mission without a plan. Default model: a planner model reads the brief. order: waves follow the agents'
   * dependencies; the brief is not read.
   */
  readonly planner?: 'model' | 'order';
  /** Default: a planner makes one. */
  readonly plan?: PlanDefinition;
  /** What submit gives values to. Default none. */
  readonly inputs?: readonly InputDefinition[];
  /** Commands that prove the mission, run as its last task. Default none. */
  readonly success?: readonly { readonly name: string; readonly command: string }[];
}

/** An input of a mission: `${{ inputs.NAME }}` in its brief, descriptions and paths, INPUT_NAME in its commands. */
export interface InputDefinition {
  readonly name: string;
  /** secret: its value is the name of a secret of the worker. Default string. */
  readonly type?: 'string' | 'number' | 'boolean' | 'choice' | 'secret';
  /** For the person who is asked, and for models. Default empty. */
  readonly description?: string;
  /** Default: where it has no default. */
  readonly required?: boolean;
  /** The value where submit gives none. Default: there is none. */
  readonly default?: InputValue;
  /** Of a choice, at least one. Default none, which is right for the other types. */
  readonly options?: readonly string[];
}

export type InputValue = string | number | boolean;

export interface PlanDefinition {
  /** For people. Default empty. */
  readonly strategy?: string;
  /** In order; the tasks of a wave run side by side. A rationale is for people. Default empty. */
  readonly waves: readonly { readonly rationale?: string; readonly tasks: readonly TaskDefinition[] }[];
  /** For people. Default none. */
  readonly risks?: readonly string[];
}

export interface TaskDefinition {
  readonly agent: string;
  readonly description: string;
  /** One of the agent's playbooks. Default none. */
  readonly playbook?: string;
  /** Limit of an attempt in seconds, 1 to 31536000. Default the agent's own. */
  readonly timeoutSeconds?: number;
  /** Commands that prove the task; each passes when it exits 0. Default none. */
  readonly acceptance?: readonly { readonly name: string; readonly command: string }[];
  /** Files and directories that it must not change, besides those that its checks name. Default none. */
  readonly protected?: readonly string[];
  /** Files and directories that it may change although they exist and its checks name them. Default none. */
  readonly changes?: readonly string[];
  /** Patterns of the files that it leaves for people, such as report/*.md or dist/**. Default none. */
  readonly artifacts?: readonly string[];
}

/**
 * A mission file's path or an object, checked, with values for its inputs. Rejects with ConfigError, and with the
 * system's error for a path.
 */
export async function missionOf(
  mission: string | MissionDefinition,
  roster: Roster,
  { inputs = {}, carried = [], redact }: GivenToMission = {},
): Promise<MissionFile> {
  const opened = await openedOf(mission, roster);
  const given = Object.entries(inputs).map(([name, value]): GivenInput => {
    const problem: GivenInput['problem'] = (message, fix) => {
      return { file: `the option inputs.${name}`, line: null, column: null, message, fix };
    };
    return { name, value, form: 'typed', problem };
  });
  const howToGive = (names: readonly string[]) => `give ${names.join(', ')} in the option inputs`;
  return opened.withInputs([...carried, ...given], { howToGive, ...(redact === undefined ? {} : { redact }) });
}

export interface GivenToMission {
  readonly inputs?: Readonly<Record<string, InputValue>> | undefined;
  /** Of the mission that is continued; inputs win. */
  readonly carried?: readonly GivenInput[];
  readonly redact?: Redact | undefined;
}

async function openedOf(mission: string | MissionDefinition, roster: Roster): Promise<OpenedMission> {
  if (typeof mission !== 'string') return fromObject(mission, roster);
  const text = decodeText(await readFile(mission));
  if (text !== null) return openMissionFile(text, mission, roster);
  throw new ConfigError([{ file: mission, line: null, column: null, message: NO_TEXT, fix: 'name a mission file' }]);
}

/** JSON is YAML: an object is judged by the same rules as a file. */
function fromObject({ onFailure, plan, limits, ...same }: MissionDefinition, roster: Roster): OpenedMission {
  const waves = plan?.waves.map(({ tasks, ...wave }) => ({
    ...wave,
    tasks: tasks.map(({ timeoutSeconds, ...task }) => ({ ...task, timeout_seconds: timeoutSeconds })),
  }));
  const keys = {
    ...same,
    on_failure: onFailure,
    limits: limitKeys(limits),
    plan: plan === undefined ? undefined : { ...plan, waves },
  };
  const opened = withoutPlaces(() => openMissionFile(JSON.stringify(keys), `the mission ${same.name}`, roster));
  return { ...opened, withInputs: (...given) => withoutPlaces(() => opened.withInputs(...given)) };
}

/** An object has no lines. */
function withoutPlaces<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.problems.map((problem) => ({ ...problem, line: null, column: null })));
  }
}
