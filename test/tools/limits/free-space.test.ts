import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WorkspaceFull } from '../../../src/ports/tools.js';
import { createHarness, never, removeTemporaryDirectories, type Harness } from '../harness.js';

/** More than any disk has. */
const TOO_MUCH_MB = 1e12;
const OLD = new Date(Date.now() - 8 * 86_400_000);

afterAll(removeTemporaryDirectories);

/** A workspace that was last used eight days ago, in which its launcher noted 5 MiB. */
async function oldWorkspace(root: string, missionId: string): Promise<void> {
  const runs = join(root, '.ravenhelm/runs', missionId);
  const outputs = join(runs, 'task-1/outputs');
  await mkdir(outputs, { recursive: true });
  await mkdir(join(root, missionId), { recursive: true });
  await writeFile(join(runs, '.usage'), `${5 << 20} 12`);
  for (const path of [outputs, join(runs, 'task-1'), runs, join(root, missionId)]) await utimes(path, OLD, OLD);
}

describe('below the floor of free space', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await createHarness({ minFreeMb: TOO_MUCH_MB });
  });

  test('no command, no write and no check begins, and the error says how full the disk is', async () => {
    const checked = {
      task: harness.task(),
      step: 3,
      claimOffset: 10,
      timeLimitMs: 5_000,
      checks: [{ name: 'c', command: 'touch x' }],
    };
    const text = new RegExp(
      '^the disk of the workspaces has [0-9,]+ MiB free of [0-9,]+ MiB; ' +
        'ravenhelm workspace prune --older-than 7d frees nothing; ' +
        'no step begins below 1,000,000,000,000 MiB .WORKSPACE_MIN_FREE_MB.$',
    );
    for (const step of [
      () => harness.call('execute_terminal_command', { command: 'touch x' }),
      () => harness.call('workspace_write', { path: 'x', content: 'x' }),
      () => harness.executor.runChecks(checked, never),
    ]) {
      const failure = await step().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(WorkspaceFull);
      expect(failure).toMatchObject({ code: 'workspace_full', retriable: true, message: expect.stringMatching(text) });
    }
    expect(existsSync(join(harness.workspace(), 'x'))).toBe(false);
  });

  test('reading still works', async () => {
    await harness.executor.prepareWorkspace(harness.task());
    await writeFile(join(harness.workspace(), 'a'), 'x');
    expect(await harness.call('workspace_read', { path: 'a' })).toMatchObject({ outcome: 'ok' });
  });

  test('the error says what can be removed', async () => {
    await oldWorkspace(harness.root, 'old-1');
    await oldWorkspace(harness.root, 'old-2');
    await expect(harness.sh('true')).rejects.toThrow(
      'ravenhelm workspace prune --older-than 7d frees about 10 MiB (2 workspaces)',
    );
  });
});

test('above the floor a step begins; 0 is no floor', async () => {
  for (const minFreeMb of [0, 1])
    expect(await (await createHarness({ minFreeMb })).sh('true')).toMatchObject({ outcome: 'ok' });
});
