import { execa } from 'execa';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let bin: string;
beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'ravenhelm-ci-'));
});
afterEach(() => rm(bin, { recursive: true, force: true }));

const counts = { numPassedTests: 12, numFailedTests: 0, numRuntimeErrorTestSuites: 0, numPendingTests: 0, numTodoTests: 0, success: true, wasInterrupted: false };

interface Stage {
  readonly setup?: number;
  readonly typecheck?: number;
  readonly test?: number;
  readonly start?: number;
  /** What jest leaves; null: it did not get that far. */
  readonly results: object | null;
  /** What the chaos run leaves: one for each fault's row; null: it did not get that far. */
  readonly chaos?: { readonly passed: number; readonly failed: number } | null;
}

/** Runs .ci/run with an npm whose commands end as given. */
async function ci({ setup = 0, typecheck = 0, test = 0, start = 0, results, chaos = { passed: 3, failed: 0 } }: Stage) {
  const leave = results === null ? ':' : `printf '%s' '${JSON.stringify(results)}' > "$RAVENHELM_TEST_RESULTS"`;
  const faults = chaos === null ? 'exit 1' : `for file; do :; done; printf '%s' '${JSON.stringify(chaos)}' > "$file"; exit ${chaos.failed}`;
  const npm = `#!/bin/sh\ncase "$*" in\n"run setup") exit ${setup};;\n"run typecheck") exit ${typecheck};;\n"start -- --exit") exit ${start};;\n"run chaos"*) ${faults};;\n"test") ${leave}; exit ${test};;\nesac\nexit 0\n`;
  await writeFile(join(bin, 'npm'), npm);
  await chmod(join(bin, 'npm'), 0o755);
  const { exitCode, stdout } = await execa('bash', ['.ci/run'], { env: { PATH: `${bin}:${process.env['PATH']}` }, reject: false, stdin: 'ignore' });
  return { exitCode, lastLine: stdout.split('\n').at(-1) };
}

describe('.ci/run', () => {
  test('closes with jest’s counts and exits 0 when everything passed', async () => {
    expect(await ci({ results: counts })).toEqual({ exitCode: 0, lastLine: '15 passed, 0 failed' });
  });

  test('fails with a failing test', async () => {
    expect(await ci({ test: 1, results: { ...counts, numFailedTests: 2, success: false } })).toEqual({ exitCode: 1, lastLine: '15 passed, 2 failed' });
  });

  test('counts a test file that could not be loaded', async () => {
    expect(await ci({ test: 1, results: { ...counts, numRuntimeErrorTestSuites: 1, success: false } })).toEqual({ exitCode: 1, lastLine: '15 passed, 1 failed' });
  });

  test('fails when jest did not come to its end, or ran nothing', async () => {
    expect(await ci({ test: 137, results: null })).toEqual({ exitCode: 1, lastLine: '3 passed, 1 failed' });
    expect(await ci({ results: { ...counts, wasInterrupted: true } })).toMatchObject({ exitCode: 1 });
    expect(await ci({ results: { ...counts, numPassedTests: 0 } })).toMatchObject({ exitCode: 1 });
  });

  test('fails when setup, the type check or the example mission fails, whatever the tests say', async () => {
    expect(await ci({ start: 1, results: counts })).toEqual({ exitCode: 1, lastLine: '15 passed, 1 failed' });
    expect(await ci({ typecheck: 2, results: counts })).toEqual({ exitCode: 1, lastLine: '15 passed, 1 failed' });
    expect(await ci({ setup: 1, results: counts })).toMatchObject({ exitCode: 1, lastLine: expect.stringMatching(/^3 passed, [1-9]/) });
  });

  test('fails with a fault that broke a promise, and when the faults did not come to their end', async () => {
    expect(await ci({ results: counts, chaos: { passed: 2, failed: 1 } })).toEqual({ exitCode: 1, lastLine: '14 passed, 1 failed' });
    expect(await ci({ results: counts, chaos: null })).toEqual({ exitCode: 1, lastLine: '12 passed, 1 failed' });
  });
});
