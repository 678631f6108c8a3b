import { cutToWidth, oneLine, padToWidth, textWidth } from '../../src/cli/text-width.js';
import { paint, segment, wantsColors } from '../../src/cli/paint.js';
import { shortDuration, measuredDuration, shownUsd } from '../../src/cli/durations.js';
import { describeFailure, failureText } from '../../src/cli/failure.js';
import { ClientError } from '../../src/client/client-error.js';
import { didYouMean, nearest } from '../../src/domain/did-you-mean.js';
import { reportText } from '../../src/cli/report-text.js';
import { check, report, task } from './support/samples.js';

describe('text on a terminal', () => {
  test.each([
    ['abc', 3],
    ['åé', 2],
    ['e\u0301', 1],
    ['日本', 4],
    ['👍🏽', 2],
    ['👩‍👩‍👧', 2],
    ['✓', 1],
    ['', 0],
  ])('%j takes %i columns', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  test('cutting never splits a character and says that it cut', () => {
    expect(cutToWidth('日本語', 4)).toBe('日…');
    expect(cutToWidth('abcdef', 4)).toBe('abc…');
    expect(cutToWidth('abcd', 4)).toBe('abcd');
    expect(cutToWidth('abcd', 0)).toBe('');
    expect(padToWidth('日', 4)).toBe('日  ');
  });

  test('control characters and direction marks become spaces', () => {
    expect(oneLine('a\n\tb\u001b]0;title\u0007c\u202ed')).toBe('a b ]0;title c d');
  });

  test('colours surround what was cut, and never stand without a terminal or with NO_COLOR', () => {
    expect(paint([segment('abcdef', 'red')], 4, true)).toEqual({ text: '\u001b[31mabc…\u001b[0m', width: 4 });
    expect(paint([segment('ab', 'red'), segment('cd')], 10, false).text).toBe('abcd');
    expect(wantsColors({}, true)).toBe(true);
    expect(wantsColors({ NO_COLOR: '1' }, true)).toBe(false);
    expect(wantsColors({ NO_COLOR: '' }, true)).toBe(true);
    expect(wantsColors({ TERM: 'dumb' }, true)).toBe(false);
    expect(wantsColors({}, false)).toBe(false);
  });

  test('durations and money are short', () => {
    expect([0, 999, 61_000, 3_600_000 + 62_000].map(shortDuration)).toEqual(['0:00', '0:00', '1:01', '1:01:02']);
    expect([40, 12_340, 90_000].map(measuredDuration)).toEqual(['40 ms', '12.3 s', '1:30']);
    expect([0, 0.001, 1.5].map(shownUsd)).toEqual(['$0.00', '<$0.01', '$1.50']);
  });
});

describe('what a command ends with', () => {
  test('is an internal error where no layer foresaw the error, and never what a failed mission gives', () => {
    expect(describeFailure(new TypeError('x is not a function'))).toMatchObject({
      exitCode: 70,
      message: expect.stringContaining('x is not a function'),
      nextStep: expect.stringContaining('a bug in Ravenhelm'),
    });
  });

  test('is 1 where a restore found other files than it has shown, and 2 for what was wrong from the start', () => {
    const codeOf = (code: 'workspace_changed' | 'mission_open') =>
      describeFailure(new ClientError(code, 'no', null)).exitCode;
    expect([codeOf('workspace_changed'), codeOf('mission_open')]).toEqual([1, 2]);
  });

  test('gives the terminal nothing but text of what a broker or a registry said, and keeps the lines', () => {
    const message = 'refused: \u001b[2J\u001b]0;title\u0007gone\u202e\n\tbecause';
    const text = failureText({ exitCode: 2, message, nextStep: 'ask\u0000\nagain' });
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect(text.split('\n')).toEqual([
      expect.stringMatching(/^error: refused: .*gone/),
      '  because',
      '  ask',
      '  again',
      '',
    ]);
  });
});

describe('suggestions', () => {
  test.each([
    ['statsu', 'status'],
    ['wtach', 'watch'],
    ['STATUS', 'status'],
    ['cancl', 'cancel'],
  ])('%s is near %s', (word, expected) => {
    expect(nearest(word, ['start', 'status', 'watch', 'cancel'])).toBe(expected);
  });

  test('a word is never suggested for itself', () => {
    expect(didYouMean('status', ['status', 'start'])).toBeNull();
    expect(didYouMean('status', ['status', 'statsu'])).toBe('Did you mean statsu?');
  });

  test('what is far from everything gets none', () => {
    expect(didYouMean('deploy', ['status', 'watch'])).toBeNull();
    expect(didYouMean('x', ['status', 'watch'])).toBeNull();
  });
});

describe('the report for people', () => {
  const NOW = Date.parse('2026-11-23T14:07:30Z');
  const LONG =
    'every step of the playbook is done and the checks still fail: check "mode 600" exit 1: 0644 is too open';
  const failed = report(
    [
      task({
        agent: 'cert_agent',
        wave: 1,
        status: 'verified',
        attempts: 1,
        steps: 3,
        duration_ms: 2_100,
        model: 'playbook',
        checks: [check('chain', 0)],
      }),
      task({
        agent: 'env_agent',
        wave: 2,
        status: 'failed',
        attempts: 3,
        steps: 9,
        detail: LONG,
        checks: [check('keys', 0), check('mode 600', 1)],
      }),
    ],
    {
      status: 'failed',
      reason: `deploy-env_agent-wave2 failed after 3 attempts: ${LONG}`,
      ended_at: '2026-11-23T14:15:32.417Z',
      tokens: 12,
      success: [check('links', 0), check('ports', 7)],
    },
  );

  test('names the status, tasks with their failing check, the reason once, success checks and workspace', () => {
    expect(
      reportText(failed, { colors: false, columns: null, nowMs: NOW, command: (words) => `rh ${words}` }).split('\n'),
    ).toEqual([
      'hello failed; 1 of 2 tasks verified  20261123-141502-417-p05-x7k2',
      ' wave 1  ✓ cert_agent  verified    2.1 s, 3 steps, 1/1 checks, playbook',
      ' wave 2  ✗ env_agent   failed      0 ms, 9 steps, 1/2 checks, 3 attempts, ✗ mode 600: exit 1',
      ' success ✓ links',
      ' success ✗ ports (exit 7: test ports)',
      `reason: deploy-env_agent-wave2 failed after 3 attempts: ${LONG}`,
      'took 30.0 s, 12 tokens, $0.00',
      'workspace: /srv/work/hello',
      `what failed: rh show 20261123-141502-417-p05-x7k2 ${failed.tasks[1]?.task_id} --attempt 3 --step 9`,
      '',
    ]);
  });

  test('says which limits of the budget are used for the greater part', () => {
    const at = '2026-11-23T14:15:32.417Z';
    const budget_used = [
      { budget: 'usd' as const, percent: 75, used: 3.9, limit: 5, at },
      { budget: 'minutes' as const, percent: 95, used: 28.5, limit: 30, at },
    ];
    const options = { colors: false, columns: null, nowMs: NOW, command: null };
    expect(reportText(report([], { budget_used }), options)).toContain(
      '\nused: 75 % of $5 ($3.90), 95 % of 30 minutes\n',
    );
  });

  test.each([
    ['an estimate', {}, "cost: $0.41; the same tokens at anthropic:opus's price: about $9.80 (estimate)"],
    ['no price', { usd: null }, "cost: $0.41; no estimate at the planner's price: no price for anthropic:opus"],
    ['unknown use', { unmeasured: 2 }, '(estimate); not counted: 2 cancelled or lost, whose tokens are not known'],
  ])("compares the cost with the planner's price: %s", (_, changes, text) => {
    const at_planner_price = {
      ...{ model: 'anthropic:opus', usd_per_million_in: 4, usd_per_million_out: 20 },
      ...{ tokens_in: 2_000_000, tokens_out: 90_000, unmeasured: 0, usd: 9.8, ...changes },
    };
    const options = { colors: false, columns: null, nowMs: NOW, command: null };
    expect(reportText(report([], { cost_usd: 0.41, at_planner_price }), options)).toContain(`${text}\n`);
  });

  test('says which snapshots are missing, and why', () => {
    const missing = { wave: 2, reason: 'it was not complete after 20 s', worker_id: 'w' };
    const options = { colors: false, columns: null, nowMs: NOW, command: null };
    expect(reportText(report([], { missed_snapshots: [missing] }), options)).toContain(
      'no snapshot of all that wave 2 has done: it was not complete after 20 s',
    );
    expect(reportText(report([], {}), options)).not.toContain('snapshot');
  });

  test('names artifacts with size and digest, the first 20 of them, and what patterns have not found', () => {
    const files = Array.from({ length: 22 }, (_, at) => ({ path: `a${at}\u001b`, bytes: at, digest: `d${at}` }));
    const artifacts = {
      ...{ worker_id: 'w', host: 'h', directory: '/w', files, unmatched: ['*.log'] },
      ...{ left_out: [{ path: 'x', why: 'it holds a secret' }], left_out_count: 1 },
    };
    const options = { colors: false, columns: null, nowMs: NOW, command: null };
    const of = report([task({ agent: 'a', wave: 1, status: 'verified', artifacts })], {});
    const lines = reportText(of, options).split('\n');
    expect(lines).toContain('artifact: a1  1 byte, sha256 d1  deploy-a-wave1');
    expect(lines).toContain('artifact: a19  19 bytes, sha256 d19  deploy-a-wave1');
    expect(lines.filter((line) => line.startsWith('artifact: '))).toHaveLength(20);
    expect(lines).toContain(`and 2 more: ravenhelm artifacts ${of.mission_id}`);
    expect(lines).toContain('artifacts: deploy-a-wave1: *.log matched no file');
    expect(lines).toContain('artifacts: deploy-a-wave1: x is not listed: it holds a secret');
    expect(reportText(report([], {}), options)).not.toContain('artifact');
  });

  test('says that commands ran without a sandbox, and of which tasks', () => {
    const done = { attempts: 1, steps: 1, duration_ms: 10, model: 'm', status: 'verified' } as const;
    const tasks = [
      task({ agent: 'a', wave: 1, ...done, sandbox_off: true }),
      task({ agent: 'b', wave: 1, ...done }),
      task({ agent: 'c', wave: 2, status: 'running', detail: 'step 1', sandbox_off: true }),
    ];
    const text = reportText(report(tasks, { sandbox_off: true }), {
      colors: false,
      columns: null,
      nowMs: NOW,
      command: null,
    });
    const lines = text.split('\n').map((line) => line.trim());
    expect(lines.filter((line) => line.includes('sandbox'))).toEqual([
      expect.stringMatching(/ a  verified .*, sandbox off$/),
      expect.stringMatching(/ c  running .*, sandbox off$/),
      'sandbox: off; the commands of 2 of 3 tasks ran without one',
    ]);
  });

  test('says which tasks strangers may have had a say in, and by what', () => {
    const taints = [
      { origin: 'workspace', detail: '', step: 1 },
      { origin: 'tasks', detail: 'deploy-a-wave1', step: 0 },
    ];
    const text = reportText(
      report([
        task({ agent: 'a', wave: 1, status: 'running', detail: 'step 1', tainted_by: taints }),
        task({ agent: 'b', wave: 1, status: 'running', detail: 'step 1' }),
      ]),
      { colors: false, columns: null, nowMs: NOW, command: null },
    );
    const lines = text.split('\n').filter((line) => line.includes('tainted'));
    expect(lines).toEqual([expect.stringMatching(/ a  running .*, tainted by workspace, tasks \(deploy-a-wave1\)$/)]);
  });

  test('says how much is proven, and what its checks are worth', () => {
    const vacuous = { ...check('anything', 0), baseline: 'vacuous' };
    const held = { ...check('keys', 0), baseline: 'held_before' };
    const slow = { ...check('tests', 0), baseline: 'not_known' };
    const done = { attempts: 1, steps: 1, duration_ms: 10, model: 'm' };
    const text = reportText(
      report(
        [
          task({ agent: 'a', wave: 1, status: 'verified', checks: [check('made', 0), vacuous], ...done }),
          task({ agent: 'b', wave: 1, status: 'verified', checks: [held], held_before: true, ...done }),
          task({ agent: 'c', wave: 1, status: 'unverified', checks: [vacuous], ...done }),
          task({ agent: 'd', wave: 1, status: 'verified', checks: [held, slow], ...done }),
        ],
        {
          status: 'completed',
          ended_at: '2026-11-23T14:15:32.417Z',
          proof: { tasks: 4, verified: 3, held_before: 1, not_known: 1 },
          success: [{ ...vacuous, command: 'true' }],
        },
      ),
      { colors: false, columns: null, nowMs: NOW, command: null },
    );
    expect(text.split('\n').slice(0, 6)).toEqual([
      'hello completed; 3 of 4 tasks verified, 1 held before, 1 not known before  20261123-141502-417-p05-x7k2',
      ' wave 1  ✓ a  verified    10 ms, 1 step, 2/2 checks, 1 of its checks proves nothing, m',
      '         ✓ b  verified    10 ms, 1 step, 1/1 checks, held before, m',
      '         ○ c  unverified  10 ms, 1 step, 1/1 checks, its checks prove nothing, m',
      '         ✓ d  verified    10 ms, 1 step, 2/2 checks, not known whether its checks passed before, m',
      ' success ✓ anything (always passes: true)',
    ]);
  });

  test('what has not run has no figures; what waits or runs says for what', () => {
    const shown = reportText(
      report([
        task({
          agent: 'cert_agent',
          wave: 1,
          status: 'running',
          attempts: 1,
          steps: 2,
          detail: 'step 2: execute_terminal_command',
        }),
        task({ agent: 'env_agent', wave: 1, detail: 'no live worker', unserved_since: '2026-11-23T14:03:22.120Z' }),
        task({ agent: 'rag_agent', wave: 2 }),
        task({ agent: 'graph_agent', wave: 2, status: 'cancelled', detail: 'changed my mind' }),
      ]),
      { colors: false, columns: null, nowMs: NOW, command: null },
    )
      .split('\n')
      .slice(1, 5)
      .map((line) => line.trimEnd());
    expect(shown).toEqual([
      ' wave 1  ● cert_agent   running     2 steps, step 2: execute_terminal_command',
      '         · env_agent    waiting     no live worker for env_agent since 14:03:22Z (4 min); ' +
        'start one: npx ravenhelm --role worker --agents env_agent',
      ' wave 2  · rag_agent    waiting',
      '         − graph_agent  cancelled   changed my mind',
    ]);
  });

  test('a task that was cancelled while it ran has no word of checks', () => {
    const cancelled = task({ agent: 'a', wave: 1, status: 'cancelled', attempts: 1, steps: 2, detail: 'stopped' });
    const text = reportText(report([cancelled]), { colors: false, columns: null, nowMs: NOW, command: null });
    expect(text).not.toContain('no checks');
  });

  test('on a narrow terminal the facts of a task are below it, broken between words', () => {
    const text = reportText(failed, { colors: false, columns: 40, nowMs: NOW, command: null });
    expect(text.split('\n').slice(1, 6)).toEqual([
      '1  ✓ cert_agent verified',
      '     2.1 s, 3 steps, 1/1 checks,',
      '     playbook',
      '2  ✗ env_agent failed',
      '     0 ms, 9 steps, 1/2 checks, 3',
    ]);
  });

  test('a failure that the reason does not hold stands with its task', () => {
    expect(
      reportText(
        report([
          task({
            agent: 'cert_agent',
            wave: 1,
            status: 'failed',
            attempts: 1,
            steps: 1,
            detail: LONG,
            checks: [check('chain', 2)],
          }),
        ]),
        { colors: false, columns: null, nowMs: NOW, command: null },
      ),
    ).toContain(`✗ chain: exit 2 ${LONG}`);
  });
});
