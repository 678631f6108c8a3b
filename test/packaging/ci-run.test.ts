import { execa } from 'execa';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let bin: string;
beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'ravenhelm-ci-'));
});
afterEach(() => rm(bin, { recursive: true, force: true }));

const counts = {
  numPassedTests: 12,
  numFailedTests: 0,
  numRuntimeErrorTestSuites: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  success: true,
  wasInterrupted: false,
  testResults: [],
};

/** How a simulation ends, and the counts that it leaves; null: it did not get that far. */
interface Simulated {
  readonly exit: number;
  readonly results: { readonly passed: number; readonly failed: number } | null;
  /** What it prints. */
  readonly says?: string;
}

interface Stage {
  readonly setup?: number;
  readonly check?: number;
  readonly nodes?: number;
  readonly test?: number;
  /** What jest prints. */
  readonly testSays?: string;
  readonly start?: number;
  readonly evalTasks?: number;
  readonly evaluation?: number;
  /** What jest leaves; null: it did not get that far. */
  readonly results: object | null;
  readonly fixed?: Simulated;
  readonly fresh?: Simulated;
  readonly mutants?: Simulated;
  /** What the chaos run leaves: one for each fault that struck. */
  readonly chaos?: Simulated;
}

const went = (passed: number): Simulated => ({ exit: 0, results: { passed, failed: 0 } });

/** Runs .ci/run with an npm whose commands end as given; each simulation leaves its counts where its arguments say. */
async function ci({
  setup = 0,
  check = 0,
  nodes = 0,
  test = 0,
  testSays = '',
  start = 0,
  evalTasks = 0,
  evaluation = 0,
  results,
  fixed = went(2000),
  fresh = went(500),
  mutants = went(30),
  chaos = went(3),
}: Stage) {
  const leave = results === null ? ':' : `printf '%s' '${JSON.stringify(results)}' > "$RAVENHELM_TEST_RESULTS"`;
  const simulated = ({ exit, results: counted, says = '' }: Simulated) =>
    `echo '${says}'; ${counted === null ? ':' : `printf '%s' '${JSON.stringify(counted)}' > "$last"`}; exit ${exit}`;
  const npm = [
    '#!/bin/sh',
    `echo "$*" >> "${bin}/calls"`,
    'for last; do :; done',
    'case "$*" in',
    `"run setup") exit ${setup};;`,
    `"run check") exit ${check};;`,
    `"run test:nodes -- --coverage") exit ${nodes};;`,
    `"start -- --exit") exit ${start};;`,
    `"run eval -- --validate") exit ${evalTasks};;`,
    `"run eval -- --parallel 4") exit ${evaluation};;`,
    `"test") echo '${testSays}' >&2; ${leave}; exit ${test};;`,
    `"run simulate -- --seeds 2000 --results "*) ${simulated(fixed)};;`,
    `"run simulate -- --seeds 500 --fresh --results "*) ${simulated(fresh)};;`,
    `"run simulate -- --mutants --recorded --results "*) ${simulated(mutants)};;`,
    `"run chaos -- --minutes 2 --results "*) ${simulated(chaos)};;`,
    '"start -- stack down") exit 0;;',
    'esac',
    'exit 99',
    '',
  ].join('\n');
  await writeFile(join(bin, 'npm'), npm);
  await chmod(join(bin, 'npm'), 0o755);
  const { exitCode, stdout } = await execa('bash', ['.ci/run'], {
    env: { PATH: `${bin}:${process.env['PATH']}` },
    reject: false,
    stdin: 'ignore',
  });
  return { exitCode, lastLine: stdout.split('\n').at(-1), stdout };
}

const ending = async (stage: Stage) => {
  const { exitCode, lastLine } = await ci(stage);
  return { exitCode, lastLine };
};

describe('.ci/run', () => {
  test('closes with the sum of what jest, the simulation and chaos counted; exits 0 when all passed', async () => {
    expect(await ending({ results: counts })).toEqual({ exitCode: 0, lastLine: '2545 passed, 0 failed' });
  });

  test('runs the fixed seeds, fresh ones and the recorded seed of each rule', async () => {
    await ci({ results: counts });
    const calls = await readFile(join(bin, 'calls'), 'utf8');
    expect(
      calls
        .split('\n')
        .filter((call) => call.startsWith('run simulate'))
        .map((call) => call.replace(/ --results .*/, '')),
    ).toEqual([
      'run simulate -- --seeds 2000',
      'run simulate -- --seeds 500 --fresh',
      'run simulate -- --mutants --recorded',
    ]);
  });

  test('fails with a failing test', async () => {
    expect(await ending({ test: 1, results: { ...counts, numFailedTests: 2, success: false } })).toEqual({
      exitCode: 1,
      lastLine: '2545 passed, 2 failed',
    });
  });

  test('counts a test file that could not be loaded', async () => {
    expect(await ending({ test: 1, results: { ...counts, numRuntimeErrorTestSuites: 1, success: false } })).toEqual({
      exitCode: 1,
      lastLine: '2545 passed, 1 failed',
    });
  });

  test('fails when jest did not come to its end, or ran nothing', async () => {
    expect(await ending({ test: 137, results: null })).toEqual({ exitCode: 1, lastLine: '2533 passed, 1 failed' });
    expect(await ci({ results: { ...counts, wasInterrupted: true } })).toMatchObject({ exitCode: 1 });
    expect(await ci({ results: { ...counts, numPassedTests: 0 } })).toMatchObject({ exitCode: 1 });
  });

  test('runs the check before the tests, and says how many seconds each stage took', async () => {
    const { stdout } = await ci({ results: counts });
    const calls = (await readFile(join(bin, 'calls'), 'utf8')).split('\n');
    expect(calls.slice(0, 4)).toEqual(['run setup', 'run check', 'run setup', 'test']);
    for (const stage of [
      'setup',
      'check',
      'setup and tests',
      'node 22 and 24, coverage',
      'simulation, fixed seeds',
      'chaos',
    ])
      expect(stdout).toMatch(new RegExp(`^== ${stage} passed \\(\\d+ s\\)$`, 'm'));
  });

  test('fails when setup, a check or the example mission fails, whatever the tests say', async () => {
    const oneFailed = { exitCode: 1, lastLine: '2545 passed, 1 failed' };
    expect(await ending({ start: 1, results: counts })).toEqual(oneFailed);
    expect(await ending({ check: 1, results: counts })).toEqual(oneFailed);
    expect(await ending({ nodes: 1, results: counts })).toEqual(oneFailed);
    expect(await ending({ evalTasks: 1, results: counts })).toEqual(oneFailed);
    expect(await ending({ evaluation: 1, results: counts })).toEqual(oneFailed);
    expect(await ci({ setup: 1, results: counts })).toMatchObject({
      exitCode: 1,
      lastLine: expect.stringMatching(/ [1-9]\d* failed$/),
    });
  });

  test.each([
    'A worker process has failed to exit gracefully and has been force exited.',
    'Jest did not exit one second after the test run has completed.',
  ])('fails when jest says: %s', async (testSays) => {
    const { exitCode, lastLine, stdout } = await ci({ testSays, results: counts });
    expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: '2545 passed, 1 failed' });
    expect(stdout).toContain('failed: a test has left a timer');
  });

  test('counts each broken seed and each unnoticed rule, once', async () => {
    const fixed = { exit: 1, results: { passed: 1998, failed: 2 } };
    const mutants = { exit: 1, results: { passed: 29, failed: 1 } };
    const { exitCode, lastLine, stdout } = await ci({ results: counts, fixed, mutants });
    expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: '2542 passed, 3 failed' });
    expect(stdout).toContain('== simulation, fixed seeds FAILED');
    expect(stdout).toContain('mutation check, recorded seeds: 29 passed, 1 failed');
  });

  test('says at its end what failed, for readers who see only the end', async () => {
    const fresh = { exit: 1, results: { passed: 499, failed: 1 }, says: 'seed 77 BROKEN budget' };
    const broken = {
      name: '/project/test/a.test.ts',
      message: 'x',
      assertionResults: [
        { status: 'passed', fullName: 'it holds' },
        { status: 'failed', fullName: 'it breaks' },
      ],
    };
    const unloadable = { name: '/project/test/b.test.ts', message: 'SyntaxError', assertionResults: [] };
    const { stdout } = await ci({
      fresh,
      test: 1,
      results: {
        ...counts,
        numFailedTests: 1,
        numRuntimeErrorTestSuites: 1,
        success: false,
        testResults: [broken, unloadable],
      },
    });
    const end = stdout.slice(stdout.indexOf('chaos: 3 passed'));
    expect(end).toContain('seed 77 BROKEN budget');
    expect(end).toContain('failed: a.test.ts: it breaks');
    expect(end).toContain('failed: b.test.ts: could not be run');
    expect(end).not.toContain('it holds');
  });

  test('fails with a fault that broke a promise', async () => {
    expect(await ending({ results: counts, chaos: { exit: 1, results: { passed: 2, failed: 1 } } })).toEqual({
      exitCode: 1,
      lastLine: '2544 passed, 1 failed',
    });
  });

  test('fails when a simulation or chaos does not come to its end, was interrupted or has run nothing', async () => {
    expect(await ending({ results: counts, fresh: { exit: 134, results: null } })).toEqual({
      exitCode: 1,
      lastLine: '2045 passed, 1 failed',
    });
    expect(await ending({ results: counts, fresh: { exit: 130, results: { passed: 20, failed: 0 } } })).toEqual({
      exitCode: 1,
      lastLine: '2065 passed, 1 failed',
    });
    expect(await ending({ results: counts, chaos: { exit: 1, results: null } })).toEqual({
      exitCode: 1,
      lastLine: '2542 passed, 1 failed',
    });
    expect(await ending({ results: counts, mutants: went(0) })).toEqual({
      exitCode: 1,
      lastLine: '2515 passed, 1 failed',
    });
  });
});
