import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCycle, inDependencyOrder } from '../domain/agent-graph.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { digestOfFile } from './agent-digest.js';
import { nameOfAgentFile, readAgentFile, refusedAgentFile, type AgentFile } from './agent-file.js';
import { ConfigError, type Problem } from './config-error.js';
import { chooseInstead } from '../domain/did-you-mean.js';
import { quoted } from '../domain/quoted.js';
import { decodeText, NO_TEXT, unreadableEntryReason, unreadableReason } from './text-file.js';

/** All known agents. */
export interface Roster {
  /** Each agent comes after the agents that it depends on; otherwise sorted by phase, then by name. */
  readonly agents: readonly AgentSpec[];
  readonly names: readonly string[];
  byName(name: string): AgentSpec | undefined;
  /** A problem with an agent as a whole, at the line of its file that has its name. */
  problemOf(name: string, message: string, fix: string): Problem;
  /**
   * A roster of these agents only; dependencies on other agents count as satisfied. Throws ConfigError for an unknown
   * name; `origin` is the place in its message.
   */
  subset(names: readonly string[], origin?: string): Roster;
}

export interface RosterOptions {
  /** Names of all tools. */
  readonly tools: readonly string[];
  /** The setting that names the directory, for errors; default --agents-dir. */
  readonly setting?: string;
}

/**
 * Reads every agents/*.md file of a directory, except README.md and names that start with a dot.
 * Rejects with ConfigError and all problems of all files: unknown keys, tools and dependencies, cycles, wrong names.
 */
export async function loadRoster(dir: string, options: RosterOptions): Promise<Roster> {
  const files = await readAgentFiles(dir, options);
  const problems = [...problemsBetween(files), ...cycleProblems(files)];
  if (problems.length > 0) throw new ConfigError(problems);
  return rosterOf(
    files.flatMap((file) => (file.spec ? [file.spec] : [])),
    (name, message, fix) =>
      files.find(({ spec }) => spec?.name === name)?.source.problemAt(['name'], message, fix) ??
      withoutFile(name, message, fix),
  );
}

/** The directory's files, each by itself. Rejects with ConfigError for a directory that cannot be used. */
export async function readAgentFiles(dir: string, options: RosterOptions): Promise<readonly AgentFile[]> {
  const names = await agentFileNames(dir, options.setting ?? '--agents-dir');
  return Promise.all(names.map((name) => readAgent(join(dir, name), options.tools)));
}

/** All that is wrong with the files, but for cycles. */
export const problemsBetween = (files: readonly AgentFile[]): Problem[] => [
  ...files.flatMap((file) => file.problems),
  ...duplicateProblems(files),
  ...dependencyProblems(files),
];

/** Whether a file of the agents' directory is an agent's. */
export const isAgentFile = (name: string): boolean =>
  name.endsWith('.md') && !name.startsWith('.') && name.toLowerCase() !== 'readme.md';

/** A roster of valid specs without cycles. Throws ConfigError for a name used twice: both would share a topic. */
export function createRoster(specs: readonly AgentSpec[]): Roster {
  return rosterOf(specs, withoutFile);
}

const withoutFile = (name: string, message: string, fix: string): Problem => ({
  file: `agent ${name}`,
  line: null,
  column: null,
  message,
  fix,
});

/** Throws ConfigError for a name used twice. */
export function rosterOf(specs: readonly AgentSpec[], problemOf: Roster['problemOf']): Roster {
  const twice = specs.filter(({ name }, index) => specs.findIndex((other) => other.name === name) < index);
  if (twice.length > 0)
    throw new ConfigError(
      twice.map(({ name }) => ({
        file: 'agents',
        line: null,
        column: null,
        message: `the name ${quoted(name)} is used twice, and both agents would share a topic`,
        fix: 'choose another name',
      })),
    );
  const agents = inDependencyOrder(specs);
  const names = agents.map((spec) => spec.name);
  return {
    agents,
    names,
    byName: (name) => agents.find((spec) => spec.name === name),
    problemOf,
    subset(wanted, origin = 'agents') {
      const unknown = wanted.filter((name) => !names.includes(name));
      if (unknown.length > 0) {
        throw new ConfigError(
          unknown.map((name) => ({
            file: origin,
            line: null,
            column: null,
            message: `unknown agent ${quoted(name)}`,
            fix: chooseInstead(name, names),
          })),
        );
      }
      return rosterOf(
        specs.filter((spec) => wanted.includes(spec.name)),
        problemOf,
      );
    },
  };
}

async function readAgent(path: string, tools: readonly string[]): Promise<AgentFile> {
  const refused = (message: string, fix: string) =>
    refusedAgentFile({ file: path, line: null, column: null, message, fix });
  try {
    const bytes = await readFile(path);
    const text = decodeText(bytes);
    return text === null
      ? refused(NO_TEXT, 'save it as UTF-8, or remove it')
      : readAgentFile({ text, digest: digestOfFile(bytes) }, path, tools);
  } catch (error) {
    return refused(`the file cannot be read: ${unreadableEntryReason(error)}`, 'correct or remove it');
  }
}

async function agentFileNames(dir: string, setting: string): Promise<readonly string[]> {
  const unusable = (message: string) =>
    new ConfigError([
      {
        file: dir,
        line: null,
        column: null,
        message,
        fix: `create one file per agent (name.md) there, or set ${setting} to another directory`,
      },
    ]);
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw unusable('the directory of agents does not exist');
    throw unusable(
      error.code === 'ENOTDIR'
        ? 'this is not a directory'
        : `this directory cannot be read: ${unreadableReason(error)}`,
    );
  });
  const names = entries.filter(isAgentFile).sort();
  if (names.length === 0) throw unusable('this directory contains no agents');
  return names;
}

/** Of files with one name the others are wrong: that which is called so is right, else the first. */
function duplicateProblems(files: readonly AgentFile[]): readonly Problem[] {
  const owners = new Map<string, string>();
  const isCalledSo = ({ file, source }: AgentFile) => nameOfAgentFile(file) === source.value?.name;
  for (const one of [...files.filter(isCalledSo), ...files]) {
    const name = one.source.value?.name;
    if (name !== undefined && !owners.has(name)) owners.set(name, one.file);
  }
  return files.flatMap(({ file, source }) => {
    const name = source.value?.name;
    const owner = name === undefined ? file : owners.get(name);
    if (name === undefined || owner === file) return [];
    return [source.problemAt(['name'], `the name ${quoted(name)} is already used by ${owner}`, 'choose another name')];
  });
}

/** Dependencies on unknown names. An unreadable file counts by its file name. */
function dependencyProblems(files: readonly AgentFile[]): readonly Problem[] {
  const names = files.map(({ file, source }) => source.value?.name ?? nameOfAgentFile(file));
  return files.flatMap(({ source }) =>
    (source.value?.depends_on ?? []).flatMap((name, index) =>
      names.includes(name)
        ? []
        : [
            source.problemAt(
              ['depends_on', index],
              `unknown agent ${quoted(name)}`,
              chooseInstead(
                name,
                names.filter((other) => other !== source.value?.name),
              ),
            ),
          ],
    ),
  );
}

function cycleProblems(files: readonly AgentFile[]): readonly Problem[] {
  const cycle = findCycle(files.flatMap((file) => (file.spec ? [file.spec] : [])));
  const start = files.find((file) => file.spec?.name === cycle?.[0]);
  if (!cycle || !start?.spec) return [];
  const index = start.spec.dependsOn.indexOf(cycle[1] ?? '');
  return [
    start.source.problemAt(
      ['depends_on', index],
      `depends_on has a cycle: ${cycle.join(' → ')}`,
      'remove one of these dependencies',
    ),
  ];
}
