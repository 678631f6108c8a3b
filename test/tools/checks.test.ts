import { existsSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createHarness, never, removeTemporaryDirectories, type Harness } from './harness.js';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
  await harness.sh('mkdir conf; echo good > conf/a');
});
afterAll(removeTemporaryDirectories);

let step = 100;
function run(checks: Record<string, string>, options: { timeLimitMs?: number; signal?: AbortSignal } = {}) {
  const list = Object.entries(checks).map(([name, command]) => ({ name, command }));
  return harness.executor.runChecks(
    {
      task: harness.task(),
      step: ++step,
      claimOffset: 10,
      timeLimitMs: options.timeLimitMs ?? 30_000,
      checks: list,
    },
    options.signal ?? never,
  );
}

test('all pass: one result each, with exit code, duration and digest', async () => {
  const { passed, results, observation } = await run({ there: 'test -f conf/a', good: 'cat conf/a' });
  expect(passed).toBe(true);
  expect(results).toMatchObject([
    { name: 'there', command: 'test -f conf/a', exit_code: 0, output_digest: createHash('sha256').digest('hex') },
    {
      name: 'good',
      command: 'cat conf/a',
      exit_code: 0,
      output_digest: createHash('sha256').update('good\n').digest('hex'),
    },
  ]);
  expect(observation).toBe('passed: there\npassed: good');
});

test('the first failing check ends the run and is reported with its output', async () => {
  const { passed, results, observation } = await run({
    there: 'true',
    bad: 'echo wrong SAN >&2; exit 5',
    never: 'touch /tmp/x',
  });
  expect(passed).toBe(false);
  expect(results.map((result) => result.exit_code)).toEqual([0, 5]);
  for (const part of ['passed: there', 'failed: bad', 'exit code: 5', 'wrong SAN']) expect(observation).toContain(part);
});

test('the workspace is read-only for checks, /tmp is not', async () => {
  const { passed, results } = await run({
    tmp: 'echo x > /tmp/x && cat /tmp/x',
    other: 'test ! -e /tmp/x',
    write: 'touch conf/b',
  });
  expect(passed).toBe(false);
  expect(results.map((result) => result.exit_code)).toEqual([0, 0, 1]);
  expect(existsSync(join(harness.workspace(), 'conf/b'))).toBe(false);
});

test('the time limit of all checks together gives exit code 124', async () => {
  const { passed, results, observation } = await run({ slow: 'sleep 30' }, { timeLimitMs: 300 });
  expect(passed).toBe(false);
  expect(results).toMatchObject([{ exit_code: 124 }]);
  expect(observation).toContain('time limit');
});

test('an abort rejects with its reason', async () => {
  const controller = new AbortController();
  const running = run({ slow: 'sleep 30' }, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error('cancelled')), 100);
  await expect(running).rejects.toThrow('cancelled');
});

test('an empty list of checks passes without results', async () => {
  expect(await run({})).toEqual({ passed: true, results: [], observation: '' });
});

test('long output of a check is truncated to 16 KiB, with the path of the full output', async () => {
  const { observation } = await run({ noisy: 'seq 1 100000; seq 1 100000 >&2; exit 1' });
  expect(Buffer.byteLength(observation)).toBeLessThanOrEqual(16 * 1024);
  expect(observation).toMatch(/\/outputs\/a1-s\d+-c1\.stderr/);
});

test('outcomes of checks are not outcomes of a step', async () => {
  await run({ fine: 'true' });
  expect(await harness.executor.recoverOutcome(harness.task(), step)).toBeNull();
});

describe('the output of a check in its result', () => {
  const outputs = async (...given: Parameters<typeof run>) => (await run(...given)).results.map(({ output }) => output);
  const jsonBytes = (text: string | null | undefined) => Buffer.byteLength(JSON.stringify(text ?? '')) - 2;

  test('is stdout, then stderr, of passed checks and of the one that failed', async () => {
    expect(
      await outputs({
        out: 'echo 12 tests',
        err: 'echo careful >&2',
        silent: ':',
        both: 'echo made; echo wrong SAN >&2; exit 5',
      }),
    ).toEqual(['12 tests\n', 'careful\n', '', 'made\n\nstderr:\nwrong SAN\n']);
  });

  test('is head and tail of 512 bytes where it passed, of 4 KiB where it failed', async () => {
    const [passed, failed] = await outputs({
      passed: 'echo first; seq 1 9999; echo last',
      failed: 'echo first; seq 1 9999; echo last; seq 1 9999 >&2; exit 1',
    });
    for (const [output, most] of [
      [passed, 512],
      [failed, 4096],
    ] as const) {
      expect(jsonBytes(output)).toBeLessThanOrEqual(most);
      expect(jsonBytes(output)).toBeGreaterThan(most / 2);
      expect(output).toMatch(/^first\n1\n2\n/);
      expect(output).toContain('last\n');
      expect(output).toMatch(/cut: \d+ bytes in all, the whole is in \/outputs\/a1-s\d+-c\d\.stdout/);
    }
  });

  test('has 64 KiB for all checks of a record; more is not recorded, and the failing one always is', async () => {
    const quick = await createHarness({ sandbox: 'off' });
    const passing = Array.from({ length: 140 }, (_, index) => ({ name: `check ${index}`, command: 'seq 1 999' }));
    const { results } = await quick.executor.runChecks(
      {
        task: quick.task(),
        step: 1,
        claimOffset: 10,
        timeLimitMs: 50_000,
        checks: [...passing, { name: 'bad', command: 'echo bad; exit 1' }],
      },
      never,
    );
    const all = results.map(({ output }) => output);
    expect(all).toHaveLength(141);
    expect(all.reduce((sum, output) => sum + jsonBytes(output), 0)).toBeLessThanOrEqual(64 * 1024);
    expect(all.filter((output) => output === null).length).toBeGreaterThan(5);
    expect(all.slice(0, 100)).not.toContain(null);
    expect(all.at(-1)).toBe('bad\n');
  });

  test('has passed the redaction before it was cut', async () => {
    const secret = `token-${'s'.repeat(300)}-end`;
    const redacting = await createHarness({ redact: (text) => text.replaceAll(secret, '[secret]') });
    // Half of the secret would be left where the output is cut.
    const command = `head -c 120 /dev/zero | tr '\\0' x; echo ${secret}; seq 1 999`;
    const { results } = await redacting.executor.runChecks(
      { task: redacting.task(), step: 1, claimOffset: 10, timeLimitMs: 30_000, checks: [{ name: 'leaks', command }] },
      never,
    );
    expect(results[0]?.output).toContain('[secret]');
    expect(results[0]?.output).not.toContain('token-s');
  });
});
