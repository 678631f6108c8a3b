/** What the policy says about a step, and what happens to a step that it stops. */
import type { StepDecision, StepResult } from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import type { CheckBaseline } from '../../domain/baseline.js';
import type { Check, PayloadOf } from '../../domain/events.js';
import { isRedacted } from '../../domain/secret-patterns.js';
import { SIZES } from '../../domain/sizes.js';
import { taintOf } from '../../domain/taint.js';
import { abilitiesOf, SECRET_RULE, strictest, type CallFacts, type Policy, type Verdict } from '../../ports/policy.js';
import type { ExecutionDeps } from './execution-deps.js';
import { acceptanceOf } from './task-result.js';

type Task = Pick<ExecutionDeps, 'attempt' | 'spec'>;

/**
 * The verdict on a call with a secret in its arguments. It cannot run: the log has no secrets, and what runs is what
 * the log says. null: there is none.
 */
export function judgeSecrets({ tool, arguments: args }: Pick<StepDecision, 'tool' | 'arguments'>): Verdict | null {
  if (tool === FINISH || !isRedacted(JSON.stringify(args))) return null;
  return {
    decision: 'deny',
    rule: SECRET_RULE,
    reason: 'its arguments have a secret, or [redacted: …] in place of one: let the command read it where it is stored',
  };
}

/**
 * What the policy may know of the agent and the task beside the call.
 * @param calls steps that it has called so far
 */
export const factsOf = ({ attempt, spec }: Task, calls: number): CallFacts => ({
  tainted: taintOf(attempt.assignment.untrusted, calls).length > 0,
  ...abilitiesOf(spec),
});

/** What the policy says of a step. */
export interface Judged {
  /** null: there is nothing to judge. */
  readonly verdict: Verdict | null;
  /** Of a finish: on each of its checks, in order. */
  readonly checks: readonly JudgedCheck[];
}

interface JudgedCheck {
  readonly check: Check;
  readonly verdict: Verdict;
}

/** The verdict on a step; of a finish the strictest one on its checks. */
export function judgeStep(
  policy: Policy,
  task: Task,
  { tool, arguments: args }: Pick<StepDecision, 'tool' | 'arguments'>,
  facts: CallFacts,
): Judged {
  if (tool !== FINISH)
    return { verdict: policy.judge({ ...facts, agent: task.spec.name, tool, arguments: args }), checks: [] };
  const { attempt, spec } = task;
  const checks = acceptanceOf(attempt.assignment, spec).map((check) => ({
    check,
    verdict: judgeCheck(policy, task, check, facts),
  }));
  const [first, ...others] = checks.map(({ verdict }) => verdict);
  return { verdict: first === undefined ? null : strictest(first, ...others), checks };
}

/** The verdict on one check of a task. */
export function judgeCheck(policy: Policy, { spec }: Task, { name, command }: Check, facts: CallFacts): Verdict {
  const verdict = policy.judgeCommand(spec.name, command, facts);
  return { ...verdict, reason: `check ${JSON.stringify(name)}: ${verdict.reason}` };
}

/** As tool_called has them: those before the first step, then those of a finish; null: none was judged. */
export function checkDecisions(
  before: readonly (CheckBaseline & { readonly name: string })[],
  atEnd: readonly JudgedCheck[],
): PayloadOf<'tool_called'>['check_decisions'] {
  const early = before.flatMap(({ name: check, decision, rule }) =>
    decision === undefined ? [] : [{ check: shortName(check), moment: 'before', decision, rule: rule ?? '' }],
  );
  const late = atEnd.map(({ check: { name }, verdict: { decision, rule } }) => {
    return { check: shortName(name), moment: 'end', decision, rule };
  });
  const all = [...early, ...late];
  return all.length === 0 ? null : all;
}

const shortName = (name: string): string => name.slice(0, SIZES.checkName);

/** Whether a call is not to run. What the record says counts: a later holder does not judge it again. */
export const isStopped = ({
  decision,
  approved_by,
  refused_because,
}: Pick<PayloadOf<'tool_called'>, 'decision' | 'approved_by' | 'refused_because'>): boolean =>
  refused_because !== null || (decision !== null && decision !== 'allow' && approved_by === null);

/**
 * The outcome of a stopped call.
 * @param reason null: another process has judged it, and the record does not say
 */
export function stoppedResult(
  call: Pick<PayloadOf<'tool_called'>, 'tool' | 'decision' | 'rule' | 'refused_because'>,
  reason: string | null,
): StepResult {
  return {
    outcome: 'refused',
    exitCode: null,
    outputDigest: null,
    durationMs: 0,
    observation: `It was not run: ${whyStopped(call, reason)}`,
    checks: call.tool === FINISH ? [] : null,
    saysPerson: call.refused_because !== null,
  };
}

function whyStopped(
  { decision, rule, refused_because }: Pick<PayloadOf<'tool_called'>, 'decision' | 'rule' | 'refused_because'>,
  reason: string | null,
): string {
  if (refused_because !== null)
    return (
      `a person had to approve it, by the rule ${rule}, and ${refused_because}. Find another way. ` +
      'A changed call is a new call: a person is asked about it again.'
    );
  const why = reason === null ? '' : ` (${reason})`;
  return decision === 'deny'
    ? `the policy denies it by the rule ${rule}${why}. Do not try the same in other words; find another way.`
    : `the policy lets it run only after a person has approved it, by the rule ${rule}${why}; ` +
        'approvals are not available here. Find a way that needs none.';
}
