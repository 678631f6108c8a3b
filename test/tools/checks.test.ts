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
    { task: harness.task(), step: ++step, claimOffset: 10, timeLimitMs: options.timeLimitMs ?? 30_000, checks: list },
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
