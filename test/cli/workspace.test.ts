import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

/** The command by itself, without a broker; test/cli/on-kafka.test.ts has it with one. */
let clone: TestClone;
let root: string;
beforeEach(async () => {
  clone = await createTestClone();
  root = join(clone.dir, '.ravenhelm/workspaces');
});
afterEach(() => clone.remove());

async function workspace(missionId: string, daysAgo: number): Promise<void> {
  const run = join(root, '.ravenhelm/runs', missionId, 'task-1');
  await mkdir(run, { recursive: true });
  await mkdir(join(root, missionId), { recursive: true });
  await writeFile(join(root, missionId, 'made'), Buffer.alloc(3 << 20, 1));
  const then = new Date(Date.now() - daysAgo * 86_400_000);
  for (const path of [run, join(run, '..'), join(root, missionId)]) await utimes(path, then, then);
}

const prune = (...args: readonly string[]) => runInPipe(clone, ['--log', 'memory', 'workspace', 'prune', ...args]);
const left = async () => (await readdir(root)).filter((name) => name !== '.ravenhelm');

test('without a log and without an age, nothing is removed, and the error says what to give', async () => {
  await workspace('m1', 30);
  const { code, stdout, stderr } = await prune();
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toContain('without a log it is not known which missions have ended');
  expect(stderr).toContain('workspace prune --older-than 7d');
  expect(await left()).toEqual(['m1']);
});

test('with an age it works without a log, and says so', async () => {
  await workspace('old', 8);
  await workspace('new', 6);
  const dry = await prune('--older-than', '7d', '--dry-run');
  expect(dry).toMatchObject({ code: 0, stderr: expect.stringContaining('its age only') });
  expect(dry.stdout).toMatch(/^MISSION +SIZE +LAST USED\nold +3\.0 MiB +8 d ago\n/);
  expect(dry.stdout).toMatch(/\nwould free 3\.0 MiB \(1 workspace\); kept: 1 used since then\n$/);
  expect(await left()).toEqual(expect.arrayContaining(['old', 'new']));

  const { code, stdout } = await prune('--older-than', '7d', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    dry_run: false,
    bytes: expect.any(Number),
    workspaces: [{ mission_id: 'old', bytes: expect.any(Number), last_used_at: expect.stringMatching(/Z$/) }],
    kept: { open: 0, in_use: 0, newer: 1, unknown: 0 },
  });
  expect(await left()).toEqual(['new']);
});

test('where nothing is to be removed it says that it frees nothing', async () => {
  expect((await prune('--older-than', '1h')).stdout).toBe('freed 0.0 MiB (0 workspaces); kept: none\n');
});

test('a wrong age ends with 2 and says what one is', async () => {
  for (const age of ['7', 'd', '7w', '-1d', '10000d', '99999d']) {
    const { code, stderr } = await prune('--older-than', age);
    expect(code).toBe(2);
    expect(stderr).toContain('a whole number from 0 to 9999 minutes, hours or days, such as 90m, 12h or 7d');
  }
});
