/** policy.yaml: its form, its rules and their examples. */
import { z } from 'zod';
import { ConfigError, type Problem } from '../agent/config-error.js';
import { readYaml, type Path, type YamlSource } from '../agent/yaml-source.js';
import { quoted } from '../domain/quoted.js';
import {
  ANY_AGENT,
  POLICY_DECISIONS,
  SECRET_RULE,
  type Policy,
  type PolicyDecision,
  type ProposedCall,
} from '../ports/policy.js';
import { COMMAND_TOOL } from '../ports/tools.js';
import { ACCESSES } from './acts.js';
import { PatternError } from './glob.js';
import { createPolicy, DEFAULT_RULE, UNCLEAR_RULE } from './judge.js';
import { HIDDEN_RULE, readCall, TOO_MANY_RULE } from './read-call.js';
import { compilePattern, createRule, type Rule } from './rule.js';

const text = z.string().trim().min(1, 'must not be empty');
/** One text or a list of them. */
const texts = z.union([text.transform((one) => [one]), z.array(text).min(1, 'must have at least one')]);
const optionalTexts = texts.optional().transform((list): readonly string[] => list ?? []);
const decision = z.enum(POLICY_DECISIONS);

/** Under which an example's call is made. */
const circumstances = {
  agent: text.optional(),
  tainted: z.boolean().optional(),
  network: z.boolean().optional(),
  docker: z.boolean().optional(),
};
const example = z.union([
  z.string().min(1, 'must not be empty'),
  z.strictObject({ ...circumstances, command: z.string().min(1, 'must not be empty') }),
  z.strictObject({ ...circumstances, tool: text, arguments: z.record(z.string(), z.unknown()).default({}) }),
]);
type Example = z.output<typeof example>;

const ruleSchema = z.strictObject({
  name: text
    .regex(/^[a-z0-9][a-z0-9-]*$/, 'must be lower-case letters, digits and -')
    .max(60, 'must have at most 60 characters'),
  decision,
  reason: text.max(300, 'must have at most 300 characters'),
  tool: optionalTexts,
  agent: optionalTexts,
  command: optionalTexts,
  path: optionalTexts,
  access: z.array(z.enum(ACCESSES)).min(1, 'must have at least one').optional(),
  host: optionalTexts,
  tainted: z.boolean().nullable().default(null),
  network: z.boolean().optional(),
  docker: z.boolean().optional(),
  matches: z.array(example).min(1, 'must have at least one example that matches'),
  not: z.array(example).min(1, 'must have at least one example that does not match'),
});

const policySchema = z.strictObject({ default: decision.default('allow'), rules: z.array(ruleSchema).default([]) });
type PolicySource = z.output<typeof policySchema>;

const CONDITIONS = ['tool', 'agent', 'command', 'path', 'host'] as const;
const RESERVED: readonly string[] = [DEFAULT_RULE, UNCLEAR_RULE, HIDDEN_RULE, TOO_MANY_RULE, SECRET_RULE];

export interface PolicyFile {
  readonly policy: Policy;
  /** What decides where no rule matches. */
  readonly otherwise: PolicyDecision;
  readonly rules: readonly (Rule & { readonly examples: number })[];
}

/**
 * Reads a policy. Throws ConfigError with the line and column of every problem.
 * @param triesExamples false: the examples are known to hold. That takes time: 0.2 s for the built-in policy
 */
export function parsePolicy(content: string, file: string, triesExamples = true): PolicyFile {
  const source = readYaml(content, file, policySchema);
  const written = source.value;
  if (written === null) throw new ConfigError(source.problems);
  const faults = written.rules.flatMap((rule, at) => ruleProblems(rule, at, written, source));
  if (faults.length > 0) throw new ConfigError(faults);
  const rules = written.rules.map((rule) => ({
    ...createRule({ ...rule, access: rule.access ?? ACCESSES }),
    examples: rule.matches.length + rule.not.length,
  }));
  const wrong = (triesExamples ? rules : []).flatMap((rule, at) => exampleProblems(rule, at, written, source));
  if (wrong.length > 0) throw new ConfigError(wrong);
  return { policy: createPolicy(rules, written.default), otherwise: written.default, rules };
}

type WrittenRule = PolicySource['rules'][number];

function ruleProblems(
  rule: WrittenRule,
  at: number,
  { rules }: PolicySource,
  source: YamlSource<PolicySource>,
): readonly Problem[] {
  const place = (path: Path) => ['rules', at, ...path];
  const problems: Problem[] = [];
  if (RESERVED.includes(rule.name))
    problems.push(
      source.problemAt(place(['name']), `the name ${quoted(rule.name)} is reserved`, 'choose another name'),
    );
  if (rules.findIndex(({ name }) => name === rule.name) < at)
    problems.push(source.problemAt(place(['name']), `two rules have the name ${quoted(rule.name)}`, 'rename one'));
  if (CONDITIONS.every((key) => rule[key].length === 0) && rule.tainted === null)
    problems.push(
      source.problemAt(
        place([]),
        `the rule ${rule.name} has no condition`,
        `add one of: ${CONDITIONS.join(', ')}, tainted`,
      ),
    );
  if (rule.access !== undefined && rule.path.length === 0)
    problems.push(
      source.problemAt(place(['access']), 'access is about path, which is missing', 'add path, or leave it out'),
    );
  for (const key of CONDITIONS) {
    rule[key].forEach((pattern, index) => {
      const problem = patternProblem(key, pattern);
      if (problem !== null)
        problems.push(
          source.problemAt(
            place([key, index]),
            `the pattern ${quoted(pattern)} cannot be used: ${problem}`,
            'correct it',
          ),
        );
    });
  }
  return problems;
}

function patternProblem(key: (typeof CONDITIONS)[number], pattern: string): string | null {
  if (key === 'path' && !/^!?(?:\/|\*\*)/.test(pattern))
    return 'a path begins with / or **; the workspace is /workspace';
  try {
    compilePattern(key, pattern);
    return null;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

function exampleProblems(
  rule: Rule,
  at: number,
  written: PolicySource,
  source: YamlSource<PolicySource>,
): readonly Problem[] {
  const { matches = [], not = [] } = written.rules[at] ?? {};
  const wrong = (key: 'matches' | 'not', examples: readonly Example[], message: string, fix: string) =>
    examples.flatMap((one, index) =>
      isMatched(rule, callOf(one, rule)) === (key === 'matches')
        ? []
        : [source.problemAt(['rules', at, key, index], `the rule ${rule.name} ${message} this example`, fix)],
    );
  return [
    ...wrong('matches', matches, 'does not match', 'correct its conditions, or move the example to not'),
    ...wrong('not', not, 'matches', 'correct its conditions, or move the example to matches'),
  ];
}

const isMatched = (rule: Rule, call: ProposedCall): boolean =>
  readCall(call).acts.some((act) => rule.matches(call, act));

/** What an example does not say is as the rule has it: its first agent, and what is known of agent and task. */
function callOf(one: Example, rule: Rule): ProposedCall {
  const given = typeof one === 'string' ? { command: one } : one;
  const facts = {
    agent: given.agent ?? rule.agent[0] ?? ANY_AGENT,
    tainted: given.tainted ?? rule.tainted ?? false,
    network: given.network ?? rule.network ?? false,
    docker: given.docker ?? rule.docker ?? false,
  };
  if ('tool' in given) return { ...facts, tool: given.tool, arguments: given.arguments };
  return { ...facts, tool: COMMAND_TOOL, arguments: { command: given.command } };
}
