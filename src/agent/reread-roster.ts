/** Reads the agents' files again while a process has agents in force: what cannot be used leaves the old one there. */
import { findCycle } from '../domain/agent-graph.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { nameOfAgentFile, type AgentFile } from './agent-file.js';
import { ConfigError, describeProblem, type Problem } from './config-error.js';
import { problemsBetween, readAgentFiles, rosterOf, type Roster, type RosterOptions } from './roster.js';

export interface Reread {
  /** Of each file what it says, or what was in force where it cannot be used; without agents whose files are gone. */
  readonly roster: Roster;
  /** What is wrong with files, and the directory, one line each. */
  readonly problems: readonly string[];
}

/** Why this process cannot use an agent whose file is well-formed; null: it can. */
export type Refuse = (spec: AgentSpec) => Pick<Problem, 'message' | 'fix'> | null;

/** Never rejects for what people wrote. */
export async function rereadRoster(
  dir: string,
  options: RosterOptions,
  before: Roster,
  refuse: Refuse = () => null,
): Promise<Reread> {
  let files: readonly AgentFile[];
  try {
    files = await readAgentFiles(dir, options);
  } catch (error) {
    // A directory that is gone may be about to come back; the agents that it had are still meant.
    if (error instanceof ConfigError) return { roster: before, problems: error.problems.map(describeProblem) };
    throw error;
  }
  const problems = [...problemsBetween(files), ...files.flatMap((file) => refusal(file, refuse))];
  const refused = new Set(problems.map(({ file }) => file));
  const inForce = (file: AgentFile) =>
    refused.has(file.file) ? before.byName(nameOf(file)) : (file.spec ?? undefined);
  const agents = () => files.flatMap((file) => inForce(file) ?? []);
  for (let cycle = findCycle(agents()); cycle !== null; cycle = findCycle(agents())) {
    const culprit = culpritOf(cycle, files, refused, before);
    if (culprit === undefined) break; // what was in force has no cycle
    problems.push(cycleProblem(culprit, cycle));
    refused.add(culprit.file);
  }
  const problemOf: Roster['problemOf'] = (name, message, fix) =>
    files.find((file) => nameOf(file) === name)?.source.problemAt(['name'], message, fix) ??
    before.problemOf(name, message, fix);
  return { roster: rosterOf(agents(), problemOf), problems: problems.map(describeProblem) };
}

const nameOf = ({ file }: AgentFile): string => nameOfAgentFile(file);

function refusal({ spec, source }: AgentFile, refuse: Refuse): readonly Problem[] {
  const why = spec === null ? null : refuse(spec);
  return why === null ? [] : [source.problemAt(['name'], why.message, why.fix)];
}

/** A file of the cycle that has changed, else any that was not refused. */
function culpritOf(
  cycle: readonly string[],
  files: readonly AgentFile[],
  refused: ReadonlySet<string>,
  before: Roster,
): AgentFile | undefined {
  const candidates = files.filter((file) => !refused.has(file.file) && cycle.includes(nameOf(file)));
  const isChanged = (file: AgentFile) => before.byName(nameOf(file))?.digest !== file.spec?.digest;
  return candidates.find(isChanged) ?? candidates[0];
}

const cycleProblem = ({ source }: AgentFile, cycle: readonly string[]): Problem =>
  source.problemAt(['depends_on'], `depends_on has a cycle: ${cycle.join(' → ')}`, 'remove one of these dependencies');
