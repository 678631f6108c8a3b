/** The verdict of a policy's rules on a call. */
import { strictest, type Policy, type PolicyDecision, type ProposedCall, type Verdict } from '../ports/policy.js';
import { COMMAND_TOOL } from '../ports/tools.js';
import type { Act } from './acts.js';
import { readCall } from './read-call.js';
import type { Rule } from './rule.js';

/** What no rule of a file decides. */
export const UNCLEAR_RULE = 'cannot-be-read';
export const DEFAULT_RULE = 'default';

/** Of a call that only redirects, where no rule is about it. */
const NOT_DECIDED: Verdict = { decision: 'allow', rule: DEFAULT_RULE, reason: 'no rule is against it' };

/**
 * deny beats ask beats allow, for each act; the strictest act decides about the call. What cannot be read is asked.
 * @param otherwise about commands and tools that no rule matches
 */
export function createPolicy(rules: readonly Rule[], otherwise: PolicyDecision): Policy {
  const judge = (call: ProposedCall): Verdict => {
    const { acts, unclear, refused } = readCall(call);
    const verdicts = acts.flatMap((act) => judgeAct(rules, otherwise, call, act) ?? []);
    if (unclear.length > 0) verdicts.unshift({ decision: 'ask', rule: UNCLEAR_RULE, reason: unclear.join('; ') });
    if (refused !== null) verdicts.push({ decision: 'deny', ...refused });
    const [first = NOT_DECIDED, ...others] = verdicts;
    return strictest(first, ...others);
  };
  return {
    judge,
    judgeCommand: (agent, command, facts = {}) =>
      judge({ ...facts, agent, tool: COMMAND_TOOL, arguments: { command } }),
  };
}

function judgeAct(rules: readonly Rule[], otherwise: PolicyDecision, call: ProposedCall, act: Act): Verdict | null {
  const matching = rules.filter((rule) => rule.matches(call, act));
  const [first, ...others] = matching.map((rule): Verdict => {
    const what = describe(act);
    return { decision: rule.decision, rule: rule.name, reason: what === '' ? rule.reason : `${what}: ${rule.reason}` };
  });
  if (first !== undefined) return strictest(first, ...others);
  if (!act.counts) return null;
  return { decision: otherwise, rule: DEFAULT_RULE, reason: `no rule matches ${describe(act) || call.tool}` };
}

const SHOWN_CHARACTERS = 120;

function describe({ words, paths }: Act): string {
  const files = paths.flatMap(({ access, path, maybe }) => (maybe === true ? [] : [`${access} ${path}`]));
  const text = [...(words === null ? [] : [words.join(' ')]), ...files].join(', ');
  const line = text.replaceAll('\uFFFC', '…').replaceAll(/\s+/g, ' ').trim();
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
}
