import { WorkspaceUnusable } from '../../src/ports/tools.js';
import { reportingFullDisks } from '../../src/tools/full-disk.js';
import { isForbidden, placeForUser, runAsUser, USER } from './as-user.js';
import { createHarness, never, removeTemporaryDirectories } from './harness.js';

afterAll(removeTemporaryDirectories);

describe('a full disk', () => {
  const systemError = (code: string) => Object.assign(new Error(`${code}: open`), { code });

  test.each([
    ['a full disk', systemError('ENOSPC')],
    ['a used-up quota', systemError('EDQUOT')],
    [
      'a workspace that could not be created because there was no space',
      new WorkspaceUnusable('/w cannot be created (ENOSPC).', { cause: systemError('ENOSPC') }),
    ],
  ])('makes every promise of the executor reject with a retriable error: %s', async (_, cause) => {
    const { executor, task } = await createHarness({ sandbox: 'off' });
    const failing = () => Promise.reject(cause);
    const full = reportingFullDisks({
      ...executor,
      takeFence: failing,
      recoverOutcome: failing,
      run: failing,
      runChecks: failing,
      prepareWorkspace: failing,
    });
    const call = { task: task(), step: 1, claimOffset: 1, timeLimitMs: 1_000 };
    const promises = [
      full.takeFence(task(), 1, never),
      full.recoverOutcome(task(), 1),
      full.prepareWorkspace(task()),
      full.run({ ...call, tool: 'execute_terminal_command', arguments: {} }, never),
      full.runChecks({ ...call, checks: [] }, never),
    ];
    for (const promise of promises)
      await expect(promise).rejects.toMatchObject({ code: 'workspace_full', retriable: true, cause });
  });

  (process.getuid?.() === 0 ? test : test.skip)(
    'while steps run: the error says how full it is and what a prune frees',
    async () => {
      const place = placeForUser();
      const mount = `mount -t tmpfs -o size=2m,uid=${USER} none "$0" && exec "$@"`;
      const script = `
        const command = 'head -c 4000000 /dev/zero > filled';
        const filled = await call('execute_terminal_command', { command });
        const later = [];
        for (let n = 0; n < 3; n++)
          later.push(await call('execute_terminal_command', { command: 'true' })
            .catch(({ code, message }) => ({ code, message })));
        console.log(JSON.stringify({ filled, later }));`;
      const { sandbox, filled, later } = JSON.parse(
        await runAsUser(place, script, ['unshare', '-m', 'sh', '-c', mount, place.root]),
      );
      if (isForbidden(sandbox)) return;
      // Its launcher could not keep the outcome either.
      expect(filled).toMatchObject({ outcome: 'unknown' });
      expect(later.at(-1)).toEqual({
        code: 'workspace_full',
        message:
          'the disk of the workspaces has 0 MiB free of 2 MiB; ravenhelm workspace prune --older-than 7d frees nothing',
      });
    },
    60_000,
  );

  test('is not reported for other errors', async () => {
    const { executor, task } = await createHarness({ sandbox: 'off' });
    for (const error of [systemError('EIO'), new WorkspaceUnusable('/w belongs to root')]) {
      await expect(
        reportingFullDisks({ ...executor, prepareWorkspace: () => Promise.reject(error) }).prepareWorkspace(task()),
      ).rejects.toBe(error);
    }
  });
});
