/** The attack cases that the policy decides, with the default policy: each ends as expected, by the named rule. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parsePolicy } from '../../src/policy/policy-file.js';

const caseSchema = z.array(
  z.strictObject({
    id: z.string(),
    command: z.string(),
    decision: z.enum(['allow', 'ask', 'deny']),
    rule: z.string(),
    why: z.string(),
    /** Of a task that has read content of strangers. */
    tainted: z.boolean().optional(),
    /** Of an agent whose file names hosts. */
    network: z.boolean().optional(),
  }),
);
const cases = caseSchema.parse(
  JSON.parse(readFileSync(new URL('./fixtures/policy-attacks.json', import.meta.url), 'utf8')),
);
const { policy } = parsePolicy(readFileSync('policy.default.yaml', 'utf8'), 'policy.default.yaml');

describe('attack cases that the default policy decides', () => {
  test.each(cases.map((one) => [one.id, one] as const))(
    '%s',
    (_id, { command, decision, rule, tainted = false, network = false }) => {
      const verdict = policy.judgeCommand('env_agent', command, { tainted, network });
      expect({ decision: verdict.decision, rule: verdict.rule }).toEqual({ decision, rule });
      expect(verdict.reason).not.toBe('');
    },
  );

  test('have each id once', () => {
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  });

  test('harmless commands are never stopped, and attacks are never allowed', () => {
    const wrong = cases.filter(({ id, decision }) => (decision === 'allow') !== /^(?:benign|contained)/.test(id));
    expect(wrong.map(({ id }) => id)).toEqual([]);
  });
});
