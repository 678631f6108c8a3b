/** A rule of a policy, ready to be asked. */
import type { PolicyDecision, ProposedCall } from '../ports/policy.js';
import { UNKNOWN, type Access, type Act, type ActPath } from './acts.js';
import { commandMatcher } from './command-pattern.js';
import { pathMatcher, pathOverlap, wordMatcher, type Matcher } from './glob.js';

export interface RuleText {
  readonly name: string;
  readonly decision: PolicyDecision;
  readonly reason: string;
  readonly tool: readonly string[];
  readonly agent: readonly string[];
  readonly command: readonly string[];
  readonly path: readonly string[];
  readonly access: readonly Access[];
  readonly host: readonly string[];
  /** true: only calls of tasks that have read untrusted content; false: only others; null: all. */
  readonly tainted: boolean | null;
  /** Whether it is about agents that may reach hosts on the network; undefined: about all. */
  readonly network?: boolean | undefined;
  /** Whether it is about agents that have a container engine; undefined: about all. */
  readonly docker?: boolean | undefined;
}

export interface Rule extends RuleText {
  /** Whether all conditions hold for this act of a call. */
  matches(call: Pick<ProposedCall, 'agent' | 'tool' | 'tainted' | 'network' | 'docker'>, act: Act): boolean;
}

type Test<T> = (value: T) => boolean;

/** Throws PatternError. */
export function createRule(text: RuleText): Rule {
  const tool = listMatcher(text.tool, wordMatcher);
  const agent = listMatcher(text.agent, wordMatcher);
  const command = listMatcher(text.command, commandMatcher);
  const path = listMatcher(text.path, pathMatcher);
  const overlap = listMatcher(text.path, pathMatcher, pathOverlap);
  const host = listMatcher(text.host, wordMatcher);
  const isAbout = (one: ActPath): boolean => {
    if (path === null || overlap === null) return true;
    return text.tainted === true ? mayBeAbout(one, path, overlap) : one.maybe !== true && path(one.path);
  };
  const hasPath = (paths: readonly ActPath[]) => paths.some((one) => text.access.includes(one.access) && isAbout(one));
  return {
    ...text,
    matches: (call, act) =>
      (text.tainted === null || text.tainted === (call.tainted ?? false)) &&
      (tool === null || tool(call.tool)) &&
      (agent === null || agent(call.agent)) &&
      (text.network === undefined || text.network === (call.network ?? false)) &&
      (text.docker === undefined || text.docker === (call.docker ?? false)) &&
      (command === null || (act.words !== null && command(act.words))) &&
      (path === null || hasPath(act.paths)) &&
      (host === null || act.hosts.some((one) => host(one) || (text.tainted === true && one.includes(UNKNOWN)))),
  };
}

/** Where the rest is not known, a written file may be any; for one that is read or removed its directory decides. */
function mayBeAbout({ path, access }: ActPath, matches: Test<string>, overlaps: Test<string>): boolean {
  if (access === 'write') return path.endsWith(UNKNOWN) || overlaps(path);
  return matches(path.replace(UNKNOWN, 'x'));
}

/**
 * Patterns of which one must match, and those with a ! in front, of which none may; null: no condition.
 * @param compileWanted of those without a !
 */
function listMatcher<T>(
  patterns: readonly string[],
  compile: (pattern: string) => Test<T>,
  compileWanted = compile,
): Test<T> | null {
  if (patterns.length === 0) return null;
  const isExclusion = (pattern: string) => pattern.startsWith('!') && !pattern.startsWith('!(');
  const wanted = patterns.filter((pattern) => !isExclusion(pattern)).map(compileWanted);
  const excluded = patterns.filter(isExclusion).map((pattern) => compile(pattern.slice(1)));
  return (value) =>
    (wanted.length === 0 || wanted.some((matches) => matches(value))) && !excluded.some((matches) => matches(value));
}

/** Compiles one pattern of a rule's key, to find out whether it can be used. Throws PatternError. */
export function compilePattern(key: 'tool' | 'agent' | 'command' | 'path' | 'host', pattern: string): void {
  const bare = pattern.startsWith('!') && !pattern.startsWith('!(') ? pattern.slice(1) : pattern;
  if (key === 'command') commandMatcher(bare);
  else if (key === 'path') pathMatcher(bare);
  else wordMatcher(bare) satisfies Matcher;
}
