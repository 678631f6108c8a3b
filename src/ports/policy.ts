/** The policy of a worker: whether a call may run. */
import type { AgentSpec } from '../domain/agent-spec.js';

export type PolicyDecision = 'allow' | 'ask' | 'deny';

/** From the mildest to the strictest. */
export const POLICY_DECISIONS: readonly PolicyDecision[] = ['allow', 'ask', 'deny'];

/** The agent that rules see where a person's call or an example names none. */
export const ANY_AGENT = 'any_agent';

/** What is known of the agent and the task that make a call. */
export interface CallFacts {
  /** Whether it has read untrusted content; absent: it has not. */
  readonly tainted?: boolean;
  /** Whether the agent's file names hosts that its commands may reach; absent: it does not. */
  readonly network?: boolean;
  /** Whether the agent's file gives its commands a container engine; absent: it does not. */
  readonly docker?: boolean;
}

/** A tool call before it is journaled. */
export interface ProposedCall extends CallFacts {
  readonly agent: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What of an agent's file rules may be about. */
export function abilitiesOf(
  agent: Pick<AgentSpec, 'network' | 'docker'> | null | undefined,
): Required<Pick<CallFacts, 'network' | 'docker'>> {
  return { network: (agent?.network ?? []).length > 0, docker: agent?.docker === true };
}

export interface Verdict {
  readonly decision: PolicyDecision;
  /** Name of the rule that decided. */
  readonly rule: string;
  /** What in the call the rule is about, and why; for the model and for people. */
  readonly reason: string;
}

/** The strictest of verdicts; the first of those that are equally strict. */
export function strictest(first: Verdict, ...others: readonly Verdict[]): Verdict {
  const severity = ({ decision }: Verdict) => POLICY_DECISIONS.indexOf(decision);
  return others.reduce((worst, one) => (severity(one) > severity(worst) ? one : worst), first);
}

/** The rule of calls with a secret in their arguments, which every policy has. */
export const SECRET_RULE = 'secret-in-call';

/** Judges calls. It is pure: the same call has the same verdict, and it never throws. */
export interface Policy {
  judge(call: ProposedCall): Verdict;
  /** Judges a command that a check runs, as a call of execute_terminal_command. */
  judgeCommand(agent: string, command: string, facts?: CallFacts): Verdict;
}
