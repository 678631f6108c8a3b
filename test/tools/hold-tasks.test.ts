import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { holdTasks } from '../../src/tools/hold-tasks.js';
import { placeForUser, runAsUser, USER, type UserPlace } from './as-user.js';
import { removeTemporaryDirectories, temporaryDirectory } from './harness.js';

afterAll(removeTemporaryDirectories);
const asRoot = process.getuid?.() === 0 ? test : test.skip;

async function runsWith(...tasks: readonly string[]): Promise<string> {
  const runs = temporaryDirectory();
  for (const task of tasks) {
    await mkdir(join(runs, task));
    await writeFile(join(runs, task, 'lock'), '');
  }
  return runs;
}
const isFree = (runs: string) =>
  promisify(execFile)('flock', ['-n', join(runs, 't1/lock'), 'true']).then(
    () => true,
    () => false,
  );
const parentOf = (pid: string): number => {
  try {
    return Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return 0; // it has ended
  }
};
const children = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === process.pid)
    .map(Number);

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s does not free the locks: Ctrl-C reaches their holder, too',
  async (signal) => {
    const runs = await runsWith('t1');
    const before = new Set(children());
    const held = await holdTasks([runs]);
    const holders = children().filter((pid) => !before.has(pid));
    expect(holders).toHaveLength(1);
    for (const pid of holders) process.kill(pid, signal);
    expect(await isFree(runs)).toBe(false);
    expect(children()).toEqual(expect.arrayContaining(holders));
    await held.release();
    expect(await isFree(runs)).toBe(true);
  },
);

test('a lock that cannot be opened is named', async () => {
  const runs = await runsWith('t1');
  await mkdir(join(runs, 't2'));
  await symlink('lock', join(runs, 't2/lock'));
  await expect(holdTasks([runs])).rejects.toMatchObject({
    code: 'locks_unavailable',
    message: expect.stringContaining(`${runs}/t2/lock: `),
  });
  expect(await isFree(runs)).toBe(true);
});

describe('as another user', () => {
  let place: UserPlace;
  beforeAll(() => void (place = placeForUser()));
  const held = async (runs: string, before?: readonly string[]) =>
    JSON.parse(
      await runAsUser(
        place,
        `const { holdTasks } = await import('./src/tools/hold-tasks.js');
        const failed = await holdTasks([${JSON.stringify(runs)}]).then(() => null, (error) => error);
        console.log(JSON.stringify({ code: failed.code, message: failed.message, nextStep: failed.nextStep }));`,
        before,
      ),
    );

  asRoot("locks of a user's own are not another one's, and the cure is said", async () => {
    const runs = join(place.directory, 'runs');
    mkdirSync(join(runs, 't1'), { recursive: true });
    await writeFile(join(runs, 't1/lock'), '', { mode: 0o600 });
    expect(await held(runs)).toMatchObject({
      code: 'locks_unavailable',
      message: expect.stringMatching(/t1\/lock: permission denied/),
      nextStep: 'Restore as the user of the workers.',
    });
  });

  asRoot('more tasks than files may be open', async () => {
    const runs = join(place.directory, 'many');
    for (let task = 1; task <= 300; task += 1) {
      mkdirSync(join(runs, `t${task}`), { recursive: true });
      await writeFile(join(runs, `t${task}`, 'lock'), '');
      await chown(join(runs, `t${task}`, 'lock'), USER, USER);
    }
    expect(await held(runs, ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'])).toMatchObject({
      code: 'locks_unavailable',
      nextStep: expect.stringContaining('raise the limit (ulimit -Hn)'),
    });
  });
});
