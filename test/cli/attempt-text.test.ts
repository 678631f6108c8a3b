import { attemptParts } from '../../src/cli/attempt-text.js';
import type { AttemptReport, ConnectionReport, PromptReport } from '../../src/domain/attempt-report.js';

const digest = 'd'.repeat(64);
const messages = [
  { role: 'system' as const, content: 'You make certificates.' },
  { role: 'user' as const, content: Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n') },
];

type Outcome = AttemptReport['steps'][number]['outcome'];

type Taints = AttemptReport['steps'][number]['tainted_by'];

interface Connections {
  readonly before: readonly ConnectionReport[];
  readonly of: readonly ConnectionReport[];
}

function textOf(
  prompt: PromptReport,
  sandboxOff = false,
  outcome: Outcome = null,
  connections: Connections = { before: [], of: [] },
  taints: Taints = [],
  decisions: AttemptReport['steps'][number]['check_decisions'] = [],
): string {
  const report: AttemptReport = {
    mission_id: 'm1',
    task_id: 't1',
    agent: 'a',
    attempt: 1,
    status: 'open',
    waiting: null,
    connections: connections.before,
    steps: [
      {
        step: 1,
        thought: 'because',
        tool: 'execute_terminal_command',
        arguments: { command: 'make' },
        model: 'm',
        chain_index: 0,
        form: null,
        tokens_in: 1,
        tokens_out: 1,
        cost_usd: 0,
        started_at: null,
        first_token_ms: null,
        model_ms: null,
        refusals: [],
        repairs: [],
        policy: null,
        check_decisions: decisions,
        worker_id: 'worker-1',
        sandbox_off: sandboxOff,
        tainted_by: taints,
        approval: null,
        connections: connections.of,
        outcome,
        prompt,
      },
    ],
    summary: null,
    error: null,
    checks: [],
    baseline: null,
  };
  const parts = [...attemptParts(report, { colors: false, whole: false, outputs: new Map() })];
  return parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
}

test('a step of a worker without a sandbox says so', () => {
  const prompt = { state: 'not_recorded', messages: [], digest: null, why: null } as const;
  expect(textOf(prompt, true)).toContain('    sandbox: off: it ran with the rights of the worker\n');
  expect(textOf(prompt)).not.toContain('sandbox');
});

test('the connections of a step are printed, and those of the checks before the first step', () => {
  const prompt = { state: 'not_recorded', messages: [], digest: null, why: null } as const;
  const numbers = { bytes_sent: 1, bytes_received: 2, duration_ms: 0, connections: 1 };
  const ended = { host: 'a', port: 80, address: '1.1.1.1', outcome: 'ended', reason: null, ...numbers };
  const refused = { ...ended, host: 'b', address: null, outcome: 'refused', reason: 'why' };
  const text = textOf(prompt, false, null, { before: [refused], of: [ended] });
  expect(text).toMatch(/^t1 .*\n {4}network: b:80 refused: why\n {2}step 1 /);
  expect(text).toContain('    network: a:80 (1.1.1.1), 1 bytes sent, 2 received, ');
});

test('a step names what the policy decided about checks, by moment, decision and rule', () => {
  const prompt = { state: 'not_recorded', messages: [], digest: null, why: null } as const;
  const decided = (check: string, moment: string, decision: string, rule: string) => ({
    check,
    moment,
    decision,
    rule,
  });
  const text = textOf(
    prompt,
    false,
    null,
    undefined,
    [],
    [
      decided('one', 'before', 'allow', 'default'),
      decided('two\u001b[2J', 'before', 'ask', 'no-push'),
      decided('three', 'before', 'allow', 'default'),
      decided('one', 'end', 'deny', 'sudo'),
    ],
  );
  expect(text).toContain('    policy of checks: allow by default, before the first step: one, three\n');
  expect(text).toMatch(
    new RegExp(
      '^ {4}policy of checks: ask by no-push, before the first step: two.*\n' +
        ' {4}policy of checks: deny by sudo, at the end: one$',
      'm',
    ),
  );
  expect(text).not.toContain('\u001b');
  expect(textOf(prompt)).not.toContain('policy');
});

test('a step of a tainted task names what has tainted it, and since when', () => {
  const prompt = { state: 'not_recorded', messages: [], digest: null, why: null } as const;
  const taints = [
    { origin: 'tasks', detail: 'deploy-a-wave1\u001b[2J', step: 0 },
    { origin: 'workspace', detail: '', step: 1 },
  ];
  const text = textOf(prompt, false, null, undefined, taints);
  expect(text).toMatch(/^ {4}tainted by: tasks \(deploy-a-wave1.*\) since its start, workspace since step 1$/m);
  expect(text).not.toContain('\u001b');
  expect(textOf(prompt)).not.toContain('tainted');
});

describe('the prompt of a step', () => {
  test('is printed whole, message by message, and is said to be exact', () => {
    const text = textOf({ state: 'exact', messages, digest, why: null });
    expect(text).toContain('    prompt, system: You make certificates.\n');
    expect(text).toContain('    prompt, user:\n      line 0\n');
    for (let at = 0; at < 100; at += 1) expect(text).toContain(`      line ${at}\n`);
    expect(text).toContain(`    prompt: exact, sha256 ${digest}\n`);
  });

  test('that is not the one that was sent is printed, and that is said plainly', () => {
    const text = textOf({ state: 'differs', messages, digest, why: 'its digest is e, and d was recorded' });
    expect(text).toContain('line 99\n');
    expect(text).toContain('    prompt: not the one that was sent: its digest is e, and d was recorded\n');
    expect(text).not.toContain('exact');
  });

  test.each([
    ['not_recorded', 'prompt: not recorded: no model was asked'],
    ['unreadable', 'prompt: cannot be rebuilt: no model was asked'],
  ] as const)('that is %s says why', (state, line) => {
    expect(textOf({ state, messages: [], digest: null, why: 'no model was asked' })).toContain(line);
  });
});

test('the limit that a step reached is in its heading, and its note below', () => {
  const output = JSON.stringify({ exit_code: 137, stdout: '', limit: 'memory', note: 'the memory limit was reached' });
  const outcome = { kind: 'error', exit_code: 137, duration_ms: 20, output, output_digest: null, checks: [] } as const;
  const prompt = { state: 'not_recorded', messages: [], digest: null, why: 'no model was asked' } as const;
  const text = textOf(prompt, false, { ...outcome, limit: 'memory' });
  expect(text).toContain('step 1  execute_terminal_command  error, exit code 137, limit reached: memory, 20 ms\n');
  expect(text).toContain('    note: the memory limit was reached\n');
  expect(textOf(prompt, false, { ...outcome, output: '{}', limit: null })).not.toContain('limit');
});
