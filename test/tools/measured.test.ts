/** What the tools count: what ran, and what was refused. */
import { WorkspaceFull } from '../../src/ports/tools.js';
import { createMeasuredProcess, type MeasuredProcess } from '../support/measured-process.js';
import { createHarness, never, removeTemporaryDirectories, type HarnessOptions } from './harness.js';

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
