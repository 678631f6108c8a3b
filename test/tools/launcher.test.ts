import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { FenceLost } from '../../src/ports/tools.js';
import { fieldsOf, launch, type Launch } from '../../src/tools/launcher.js';
import { encodeRequest, LAUNCHER_PATH, LAUNCHER_PROGRAM } from '../../src/tools/launcher-process.js';
import { preparePlace, type RunPlace } from '../../src/tools/places.js';
import { shellProgram } from '../../src/tools/programs.js';
import { INSIDE, sandboxArguments, systemMounts } from '../../src/tools/sandbox.js';
import { filterFor, hasFilter } from '../../src/tools/seccomp/filter.js';
import { alive, newMark, procFile, sleepers } from '../support/marked-processes.js';
import { createHarness, never, removeTemporaryDirectories, usableSandbox, type Harness } from './harness.js';

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness();
});
afterAll(removeTemporaryDirectories);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('no process survives', () => {
  test('the end of the command', async () => {
    const mark = newMark();
    expect(await harness.sh(`${sleepers(mark)}; echo done`)).toMatchObject({ outcome: 'ok', stdout: 'done\n' });
    expect(alive(mark)).toEqual([]);
  });

  test('the time limit', async () => {
    const mark = newMark();
    expect(await harness.sh(`${sleepers(mark)}; sleep ${mark}`, { timeLimitMs: 500 })).toMatchObject({
      outcome: 'error',
      exitCode: 124,
    });
    expect(alive(mark)).toEqual([]);
  });

  test('an abort', async () => {
    const mark = newMark();
    const controller = new AbortController();
    const running = harness.call(
      'execute_terminal_command',
      { command: `${sleepers(mark)}; touch started; sleep ${mark}` },
      {},
      controller.signal,
    );
    await until(() => existsSync(join(harness.workspace(), 'started')));
    controller.abort(new Error('cancelled'));
    expect(await running).toMatchObject({ outcome: 'aborted', exitCode: null });
    expect(alive(mark)).toEqual([]);
  });

  test('the death of the launcher', async () => {
    const mark = newMark();
    const running = harness.call('execute_terminal_command', {
      command: `${sleepers(mark)}; touch started; sleep ${mark}`,
    });
    await until(() => existsSync(join(harness.workspace(), 'started')));
    for (const pid of launchersOf(harness.root)) process.kill(pid, 'SIGKILL');
    await running;
    await harness.executor.takeFence(harness.task(), 11, never);
    expect(alive(mark)).toEqual([]);
    expect(await harness.executor.recoverOutcome(harness.task(), 1)).toMatchObject({ outcome: 'aborted' });
  });

  test('an abort before or during the start', async () => {
    const mark = newMark();
    for (const delayMs of Array.from({ length: 30 }, (_, index) => index)) {
      const controller = new AbortController();
      const running = harness.call('execute_terminal_command', { command: `sleep ${mark}` }, {}, controller.signal);
      setTimeout(() => controller.abort(new Error('cancelled')), delayMs);
      expect(await running).toMatchObject({ outcome: 'aborted' });
    }
    expect(alive(mark)).toEqual([]);
    expect(await harness.call('execute_terminal_command', { command: 'true' }, {}, AbortSignal.abort())).toMatchObject({
      outcome: 'aborted',
    });
  });
});

/** The launchers' main processes below a root: those whose parent is not a launcher. */
function launchersOf(root: string): number[] {
  const pids = alive('ravenhelm-launcher')
    .filter((pid) => procFile(pid, 'cmdline').includes(root))
    .map(Number);
  const parentOf = (pid: number) => Number(/^PPid:\t(\d+)/m.exec(procFile(pid, 'status'))?.[1]);
  return pids.filter((pid) => !pids.includes(parentOf(pid)));
}

/** A step without a sandbox. */
function stepOf(place: RunPlace, command: string): Launch {
  return {
    place,
    stem: 'a1-s1',
    claimOffset: 10,
    timeLimitMs: 30_000,
    callRecord: JSON.stringify({
      tool: 'execute_terminal_command',
      command,
      timeLimitMs: 30_000,
      outputsAt: INSIDE.outputs,
    }),
    isolated: false,
    seccomp: null,
    token: place.run,
    commands: [command],
    argumentVector: ['setsid', '/bin/sh', '-c'],
    input: null,
  };
}

/** Starts a step from a separate process, like a worker, and kills that process when `when` resolves. */
async function startInWorkerThatDies(command: string, when: () => boolean, claimOffset = 10): Promise<void> {
  const place = await preparePlace(harness.task(), {
    workspaceRoot: harness.root,
    separateAccount: process.getuid?.() === 0,
    filter: hasFilter(process.arch) ? filterFor(process.arch) : null,
  });
  const sandbox = await usableSandbox();
  const system = systemMounts({ toolboxDir: null, extraBinds: [], nodePath: process.execPath });
  const vector = sandboxArguments({
    sandbox,
    system,
    ...place,
    limits: DEFAULT_LIMITS,
    workspaceWritable: true,
    hideState: false,
    program: shellProgram(INSIDE.workspace),
  });
  const request = encodeRequest(
    fieldsOf({
      ...stepOf(place, command),
      claimOffset,
      isolated: true,
      seccomp: place.seccomp,
      argumentVector: vector,
    }),
  );
  const script = `const [program, path, request] = process.argv.slice(1);
    const { stdin } = require('child_process').spawn('perl', [program], {
      detached: true, stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: path } });
    stdin.end(Buffer.from(request, 'base64'));
    setInterval(() => {}, 1000);`;
  const worker = spawn(process.execPath, ['-e', script, LAUNCHER_PROGRAM, LAUNCHER_PATH, request.toString('base64')], {
    stdio: 'ignore',
  });
  const died = new Promise((resolve) => worker.once('exit', resolve));
  await until(when);
  worker.kill('SIGKILL');
  await died;
}

describe('a worker that dies', () => {
  const started = () => existsSync(join(harness.workspace(), 'started'));

  test('leaves a launcher that runs to its end; the next worker reads its outcome', async () => {
    await startInWorkerThatDies('touch started; sleep 0.5; echo finished; exit 4', started);
    const other = await createHarness({ root: harness.root });
    expect(await other.executor.recoverOutcome(other.task(), 1)).toBeNull();
    await until(() => existsSync(join(harness.runOf(harness.task()), 'a1-s1.outcome')));
    const outcome = await other.executor.recoverOutcome(other.task(), 1);
    expect(outcome).toMatchObject({ outcome: 'error', exitCode: 4 });
    expect(JSON.parse(outcome?.observation ?? '')).toMatchObject({ stdout: 'finished\n', exit_code: 4 });
    expect(outcome?.durationMs).toBeGreaterThan(0);
  });

  test('leaves a launcher that the next holder’s fence ends; takeFence waits for that', async () => {
    const mark = newMark();
    await startInWorkerThatDies(`${sleepers(mark)}; touch started; sleep ${mark}`, started);
    await harness.executor.takeFence(harness.task(), 11, never);
    expect(alive(mark)).toEqual([]);
    expect(await harness.executor.recoverOutcome(harness.task(), 1)).toMatchObject({
      outcome: 'aborted',
      observation: expect.stringContaining('another worker'),
    });
  });

  test('is fenced also by the first launcher of the next holder', async () => {
    const mark = newMark();
    await startInWorkerThatDies(`${sleepers(mark)}; touch started; sleep ${mark}`, started);
    expect(await harness.sh('echo mine', { step: 2, claimOffset: 12 })).toMatchObject({
      outcome: 'ok',
      stdout: 'mine\n',
    });
    expect(alive(mark)).toEqual([]);
  });

  test('does not lose a running command: a second start of the step returns the outcome of the first', async () => {
    await startInWorkerThatDies('echo run >> runs; touch started; sleep 0.3', started);
    expect(await harness.sh('echo run >> runs', { step: 1 })).toMatchObject({ outcome: 'ok' });
    expect(readFileSync(join(harness.workspace(), 'runs'), 'utf8')).toBe('run\n');
  });
});

describe('the fence', () => {
  test('takeFence and the launcher refuse a lower claim', async () => {
    await harness.executor.takeFence(harness.task(), 20, never);
    await expect(harness.executor.takeFence(harness.task(), 19, never)).rejects.toBeInstanceOf(FenceLost);
    await expect(
      harness.call('execute_terminal_command', { command: 'touch x' }, { claimOffset: 19 }),
    ).rejects.toBeInstanceOf(FenceLost);
    const checks = {
      task: harness.task(),
      step: 3,
      claimOffset: 19,
      timeLimitMs: 5000,
      checks: [{ name: 'any', command: 'true' }],
    };
    await expect(harness.executor.runChecks(checks, never)).rejects.toBeInstanceOf(FenceLost);
    expect(existsSync(join(harness.workspace(), 'x'))).toBe(false);
    expect(readFileSync(join(harness.runOf(harness.task()), 'fence'), 'utf8')).toBe('20\n');
  });

  test('the same claim may take it again', async () => {
    await harness.executor.takeFence(harness.task(), 20, never);
    await harness.executor.takeFence(harness.task(), 20, never);
    expect(await harness.sh('true', { claimOffset: 20 })).toMatchObject({ outcome: 'ok' });
  });

  test('never decreases when many claims take it at once', async () => {
    const claims = Array.from({ length: 10 }, (_, index) => 100 + ((index * 7) % 10));
    await Promise.allSettled(claims.map((claim) => harness.executor.takeFence(harness.task(), claim, never)));
    expect(readFileSync(join(harness.runOf(harness.task()), 'fence'), 'utf8')).toBe('109\n');
  });

  test('ends the running tool of a lower claim, whose worker gets FenceLost', async () => {
    const mark = newMark();
    const running = harness.call('execute_terminal_command', {
      command: `${sleepers(mark)}; touch started; sleep ${mark}`,
    });
    const lost = expect(running).rejects.toBeInstanceOf(FenceLost);
    await until(() => existsSync(join(harness.workspace(), 'started')));
    await harness.executor.takeFence(harness.task(), 11, never);
    expect(alive(mark)).toEqual([]);
    await lost;
  });

  test('ends running checks of a lower claim', async () => {
    const mark = newMark();
    const checks = [
      { name: 'quick', command: 'true' },
      { name: 'slow', command: `sleep ${mark}` },
    ];
    const lost = expect(
      harness.executor.runChecks(
        { task: harness.task(), step: 1, claimOffset: 10, timeLimitMs: 30_000, checks },
        never,
      ),
    ).rejects.toBeInstanceOf(FenceLost);
    await until(() => alive(`sleep\0${mark}`).length > 0);
    await harness.executor.takeFence(harness.task(), 11, never);
    expect(alive(mark)).toEqual([]);
    await lost;
  });

  test('waiting for it can be aborted, and no process keeps waiting', async () => {
    const run = harness.runOf(harness.task());
    await harness.executor.takeFence(harness.task(), 10, never);
    const holder = spawn('flock', ['-x', join(run, 'lock'), '-c', 'echo held; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    await new Promise((resolve) => holder.stdout?.once('data', resolve));
    const controller = new AbortController();
    const waiting = harness.executor.takeFence(harness.task(), 11, controller.signal);
    await until(() => readFileSync(join(run, 'fence'), 'utf8') === '11\n');
    controller.abort(new Error('shutdown'));
    await expect(waiting).rejects.toThrow('shutdown');
    process.kill(-(holder.pid ?? 0), 'SIGKILL');
  });

  test('is separate for each task of a mission', async () => {
    await harness.executor.takeFence(harness.task('other-task'), 99, never);
    expect(await harness.sh('true', { claimOffset: 10 })).toMatchObject({ outcome: 'ok' });
  });
});

describe('each step starts at most once', () => {
  test('a second start returns the first outcome and runs nothing', async () => {
    expect(await harness.sh('echo run >> runs; cat runs', { step: 5 })).toMatchObject({ stdout: 'run\n' });
    expect(await harness.sh('echo run >> runs; cat runs', { step: 5 })).toMatchObject({ stdout: 'run\n' });
    expect(readFileSync(join(harness.workspace(), 'runs'), 'utf8')).toBe('run\n');
  });

  test('a start mark without an outcome gives unknown, and nothing runs', async () => {
    await harness.executor.prepareWorkspace(harness.task());
    writeFileSync(join(harness.runOf(harness.task()), 'a1-s7.started'), '9\n');
    expect(await harness.call('execute_terminal_command', { command: 'touch x' }, { step: 7 })).toMatchObject({
      outcome: 'unknown',
    });
    expect(existsSync(join(harness.workspace(), 'x'))).toBe(false);
  });

  test('one of eight concurrent starts runs', async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, () => harness.sh('echo run >> runs; cat runs', { step: 8 })),
    );
    expect(results.map((result) => result.stdout)).toEqual(Array(8).fill('run\n'));
  });

  test('the step with the same number in the next attempt is a different step', async () => {
    await harness.sh('echo run >> runs', { step: 1 });
    await harness.sh('echo run >> runs', { step: 1, task: harness.task(undefined, undefined, 2) });
    expect(readFileSync(join(harness.workspace(), 'runs'), 'utf8')).toBe('run\nrun\n');
  });
});

test('recoverOutcome is null if the launcher left no outcome', async () => {
  expect(await harness.executor.recoverOutcome(harness.task(), 1)).toBeNull();
});

test('a write that the launcher finished is recovered as a write', async () => {
  await harness.call('workspace_write', { path: 'a.txt', content: 'abc' }, { step: 2 });
  expect(await harness.executor.recoverOutcome(harness.task(), 2)).toMatchObject({
    outcome: 'ok',
    observation: expect.stringContaining('"path":"a.txt"'),
  });
});

test('twelve commands run concurrently', async () => {
  const commands = Array.from({ length: 12 }, (_, index) =>
    harness.sh(`echo ${index}; cat /proc/sys/kernel/hostname >/dev/null`, {
      task: harness.task(`task-${index}`),
      step: 1,
    }),
  );
  const results = await Promise.all(commands);
  expect(results.map((result) => result.stdout)).toEqual(Array.from({ length: 12 }, (_, index) => `${index}\n`));
});

test('a launcher that cannot write its state says why, and starts nothing', async () => {
  const place = await preparePlace(harness.task(), {
    workspaceRoot: harness.root,
    separateAccount: false,
    filter: null,
  });
  mkdirSync(join(place.outputs, 'a1-s1.stdout'));
  expect(await launch(stepOf(place, `touch ${place.workspace}/x`), never)).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('stdout'),
  });
  expect(existsSync(join(place.workspace, 'x'))).toBe(false);
});
