import type { Policy, Verdict } from '../../src/ports/policy.js';

/** The same verdict on all commands with these words; all others are allowed. */
export function policyOn(words: string, verdict: Verdict): Policy {
  const judgeCommand = (_agent: string, command: string): Verdict =>
    command.includes(words) ? verdict : { decision: 'allow', rule: 'default', reason: 'no rule' };
  return { judgeCommand, judge: ({ agent, arguments: args }) => judgeCommand(agent, String(args['command'])) };
}

/** Asks a person about the commands with these words. */
export const policyThatAsks = (words: string): Policy =>
  policyOn(words, { decision: 'ask', rule: 'ask-two', reason: 'step 2 matters' });
