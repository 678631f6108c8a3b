/** A policy that asks a person about some calls, always about the same ones. Checks it lets run. */
import type { Policy, ProposedCall, Verdict } from '../../src/ports/policy.js';
import { textHash } from './text-hash.js';

const ALLOW: Verdict = { decision: 'allow', rule: 'default', reason: 'no rule' };
const ASK: Verdict = { decision: 'ask', rule: 'ask', reason: 'it matters' };
/** One of so many calls. */
const ASKED_OF = 2;

export const isAsked = ({ agent, tool, arguments: args }: ProposedCall): boolean =>
  textHash(`${agent} ${tool} ${JSON.stringify(args)}`) % ASKED_OF === 0;

export const simPolicy: Policy = { judge: (call) => (isAsked(call) ? ASK : ALLOW), judgeCommand: () => ALLOW };
