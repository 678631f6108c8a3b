/** What the tools count: what ran, and what was refused. */
import { PermissionUnavailable, WorkspaceFull } from '../../src/ports/tools.js';
import { projectName } from '../../src/tools/engine/project.js';
import { NO_PROVISIONS } from '../../src/tools/provisions.js';
import { socketPlaces } from '../../src/tools/socket-directory.js';
import { createMeasuredProcess, type MeasuredProcess } from '../support/measured-process.js';
import { startRecordingEngine } from './engine/recording-engine.js';
import {
  createHarness,
  never,
  removeTemporaryDirectories,
  temporaryDirectory,
  type HarnessOptions,
} from './harness.js';

let process: MeasuredProcess;
afterAll(removeTemporaryDirectories);

const harnessWith = (options: HarnessOptions) => {
  process = createMeasuredProcess();
  return createHarness({ ...options, metrics: process.metrics });
};
const ran = (use: string) => process.value(`ravenhelm_sandbox_seconds_count{use="${use}"}`);
const refused = (reason: string) => process.value(`ravenhelm_sandbox_refusals_total{reason="${reason}"}`);
const checksOf = (harness: Awaited<ReturnType<typeof createHarness>>) => ({
  ...{ task: harness.task(), step: 50, claimOffset: 10, timeLimitMs: 5_000 },
  checks: [{ name: 'there', command: 'true' }],
});

test('commands, writes and checks that run are timed', async () => {
  const harness = await harnessWith({ sandbox: 'off' });
  await harness.sh('sleep 0.1');
  await harness.call('workspace_write', { path: 'a', content: 'x' });
  await harness.executor.runChecks(checksOf(harness), never);
  expect([await ran('command'), await ran('write'), await ran('checks')]).toEqual([1, 1, 1]);
  expect(await process.value('ravenhelm_sandbox_seconds_sum{use="command"}')).toBeGreaterThan(0.1);
  expect(await process.text()).not.toMatch(/^ravenhelm_sandbox_refusals_total\{/m);
});

test('what is refused is counted by its reason, and not timed', async () => {
  const harness = await harnessWith({ sandbox: { ok: false, reason: 'no bwrap', fix: 'install it' } });
  expect(await harness.call('workspace_write', { path: '../b', content: 'x' })).toMatchObject({ outcome: 'refused' });
  expect([await refused('call'), await refused('sandbox')]).toEqual([1, null]);
  expect((await harness.call('execute_terminal_command', { command: 'true' })).outcome).toBe('refused');
  await harness.executor.runChecks(checksOf(harness), never);
  expect([await refused('call'), await refused('sandbox')]).toEqual([1, 2]);
  expect(await ran('command')).toBeNull();
});

test('a link that leads a write out of the workspace is a call that is refused', async () => {
  const harness = await harnessWith({ sandbox: 'off' });
  await harness.sh('ln -s /tmp out');
  expect((await harness.call('workspace_write', { path: 'out/b', content: 'x' })).outcome).toBe('refused');
  expect(await refused('call')).toBe(1);
});

test('a disk that is too full refuses', async () => {
  const harness = await harnessWith({ sandbox: 'off', minFreeMb: 1e12 });
  await expect(harness.sh('true')).rejects.toThrow(WorkspaceFull);
  expect(await refused('disk')).toBe(1);
});

test('a secret that this worker does not have refuses', async () => {
  const harness = await harnessWith({ provisions: NO_PROVISIONS });
  const task = { ...harness.task(), permissions: { secrets: ['DEPLOY_KEY'] } };
  await expect(harness.sh('true', { task })).rejects.toThrow(PermissionUnavailable);
  await expect(harness.executor.runChecks({ ...checksOf(harness), task }, never)).rejects.toThrow(
    PermissionUnavailable,
  );
  expect([await refused('permission'), await ran('command'), await ran('checks')]).toEqual([2, null, null]);
});

const PROJECT = {
  ...{ name: projectName('m1'), workspace: '/', holdsState: false, mayWrite: true, user: '1:1' },
  limits: { memory_mb: 1, processes: 1 },
};

describe('where sandboxes mount every place for sockets', () => {
  const extraBinds = socketPlaces().map((source, index) => ({ source, target: `/node_modules/place-${index}` }));

  test('a network cannot be made, and refuses calls and checks', async () => {
    const harness = await harnessWith({ extraBinds });
    const network = { hosts: [{ host: 'localhost', port: 1, addresses: [] }], onConnection: () => undefined };
    const command = { command: 'true' };
    expect(await harness.call('execute_terminal_command', command, { network })).toMatchObject({ outcome: 'refused' });
    expect((await harness.executor.runChecks({ ...checksOf(harness), network }, never)).passed).toBe(false);
    expect([await refused('network'), await ran('command'), await ran('checks')]).toEqual([2, null, null]);
  });

  test('a container engine cannot be reached, and refuses calls and checks', async () => {
    const engine = await startRecordingEngine(temporaryDirectory(), PROJECT);
    const provisions = { ...NO_PROVISIONS, engine: { ok: true, value: engine.address } } as const;
    const harness = await harnessWith({ extraBinds, provisions });
    const task = { ...harness.task(), permissions: { docker: true } };
    const command = { command: 'true' };
    expect(await harness.call('execute_terminal_command', command, { task })).toMatchObject({ outcome: 'refused' });
    expect((await harness.executor.runChecks({ ...checksOf(harness), task }, never)).passed).toBe(false);
    expect([await refused('engine'), await ran('command'), await ran('checks')]).toEqual([2, null, null]);
    await engine.close();
  });
});
