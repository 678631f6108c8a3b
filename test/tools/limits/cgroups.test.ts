import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../../src/domain/limits.js';
import { enableControllers, limitsLine, NO_CGROUPS, openCgroups, type Cgroup } from '../../../src/tools/cgroups.js';
import { alive, newMark, procFile } from '../../support/marked-processes.js';
import { placeForUser } from '../as-user.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory } from '../harness.js';

/** Groups of processes, on the computer's own cgroup trees. */
const cgroups = await openCgroups();
const withCgroups = cgroups.usable.length > 0 ? describe : describe.skip;
afterAll(removeTemporaryDirectories);

const groupsIn = ({ directory }: Cgroup) => readdirSync(directory).filter((name) => /^ravenhelm-\d/.test(name));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

withCgroups('a call in cgroups', () => {
  test('has its own group, its launcher is outside, and the group is gone afterwards', async () => {
    const harness = await createHarness({ cgroups });
    const mark = newMark();
    const running = harness.sh(`touch started; sleep ${mark}`, { timeLimitMs: 1_500 });
    await until(() => alive(`sleep\0${mark}`).length > 0);
    const groupOf = (pid: string) => procFile(pid, 'cgroup');
    const [tool = ''] = alive(`sleep\0${mark}`);
    const launchers = alive('ravenhelm-launcher').filter((pid) => procFile(pid, 'cmdline').includes(harness.root));
    expect(groupOf(tool)).toMatch(/\/ravenhelm-\d+-\d+$/m);
    expect(launchers.length).toBeGreaterThanOrEqual(2);
    for (const pid of launchers) expect(groupOf(pid)).not.toContain('ravenhelm-');
    const [name = ''] = /ravenhelm-\d+-\d+/.exec(groupOf(tool)) ?? [];
    expect(await running).toMatchObject({ limit: 'wall_time' });
    for (const { directory } of cgroups.usable) expect(existsSync(join(directory, name))).toBe(false);
  });

  test('has the limits of memory and processes', async () => {
    const harness = await createHarness({ cgroups });
    const mark = newMark();
    const limits = { memory_mb: 96, processes: 77 };
    const running = harness.sh(`sleep ${mark}`, { timeLimitMs: 1_500, limits: { ...DEFAULT_LIMITS, ...limits } });
    await until(() => alive(`sleep\0${mark}`).length > 0);
    const [name = ''] = /ravenhelm-\d+-\d+/.exec(procFile(alive(`sleep\0${mark}`)[0] ?? '', 'cgroup')) ?? [];
    for (const { version, controllers, directory } of cgroups.usable) {
      const read = (file: string) => readFileSync(join(directory, name, file), 'utf8').trim();
      if (controllers.includes('pids')) expect(read('pids.max')).toBe('77');
      if (controllers.includes('memory'))
        expect(read(version === 1 ? 'memory.limit_in_bytes' : 'memory.max')).toBe(String(96 << 20));
      // Where the kernel has swap.
      if (version === 2 && existsSync(join(directory, name, 'memory.swap.max')))
        expect(read('memory.swap.max')).toBe('0');
    }
    await running;
  });

  test('a fork bomb is ended at its limit of processes, and no group is left', async () => {
    const harness = await createHarness({ cgroups });
    const mark = newMark();
    const limits = { ...DEFAULT_LIMITS, processes: 200 };
    const result = await harness.sh(`perl -e 'fork while 1; ${mark}'`, { limits });
    expect(result).toMatchObject({ outcome: 'error', limit: 'processes' });
    expect(result.durationMs).toBeLessThan(10_000);
    expect(alive(mark)).toEqual([]);
  });

  test('where the group cannot be made, the limits hold as without one', async () => {
    const gone = join(temporaryDirectory(), 'gone');
    const usable: Cgroup[] = [{ version: 1, controllers: ['memory', 'pids'], directory: gone }];
    const harness = await createHarness({ cgroups: { usable } });
    const limits = { ...DEFAULT_LIMITS, processes: 40 };
    expect(await harness.sh(`perl -e 'fork while 1'`, { limits })).toMatchObject({ limit: 'processes' });
    const log = readFileSync(join(harness.runOf(harness.task()), 'launcher.log'), 'utf8');
    expect(log).toContain(`cannot make the cgroup ${gone}/ravenhelm-`);
  });

  test('groups of launchers that were killed are removed at the next start, others stay', async () => {
    const [group] = cgroups.usable;
    if (group === undefined) throw new Error('there is none');
    const start = /.*\) (?:\S+ ){19}(\d+)/s.exec(readFileSync('/proc/self/stat', 'utf8'))?.[1] ?? '';
    const left = join(group.directory, 'ravenhelm-999999999-1');
    const reused = join(group.directory, `ravenhelm-${process.pid}-1`);
    const own = join(group.directory, `ravenhelm-${process.pid}-${start}`);
    for (const path of [left, reused, own]) mkdirSync(path);
    try {
      await openCgroups();
      expect([left, reused, own].map((path) => existsSync(path))).toEqual([false, false, true]);
    } finally {
      rmdirSync(own);
    }
    expect(groupsIn(group)).not.toContain('ravenhelm-999999999-1');
  });
});

const UNIFIED = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(
  (path) => existsSync(join(path, 'cgroup.subtree_control')) && process.getuid?.() === 0,
);

(UNIFIED === undefined ? test.skip : test)('version 2: a command is born in its group', async () => {
  // No controllers: this computer may have them in version 1.
  const usable: Cgroup[] = [{ version: 2, controllers: [], directory: UNIFIED ?? '' }];
  const harness = await createHarness({ cgroups: { usable } });
  const mark = newMark();
  const running = harness.sh(`sleep ${mark}`, { timeLimitMs: 1_500 });
  await until(() => alive(`sleep\0${mark}`).length > 0);
  expect(procFile(alive(`sleep\0${mark}`)[0] ?? '', 'cgroup')).toMatch(/^0::.*\/ravenhelm-\d+-\d+$/m);
  await running;
});

test('version 2: a call has the limits of memory and processes, and the kernel’s account of it is read', async () => {
  // A directory in place of a group: the launcher writes the same files, and the kernel's are written here.
  const directory = temporaryDirectory();
  const usable: Cgroup[] = [{ version: 2, controllers: ['memory', 'pids'], directory }];
  const harness = await createHarness({ cgroups: { usable } });
  const limits = { ...DEFAULT_LIMITS, memory_mb: 96, processes: 77 };
  const mark = newMark();
  const running = harness.sh(`sleep ${mark}`, { timeLimitMs: 20_000, limits });
  await until(() => alive(`sleep\0${mark}`).length > 0);
  const [name = ''] = readdirSync(directory);
  expect(name).toMatch(/^ravenhelm-\d+-\d+$/);
  const read = (file: string) => readFileSync(join(directory, name, file), 'utf8');
  expect([read('memory.max'), read('pids.max')]).toEqual([String(96 << 20), '77']);
  expect(read('cgroup.procs')).toBe('0');
  await writeFile(join(directory, name, 'memory.events'), 'low 0\noom 1\noom_kill 1\n');
  for (const pid of alive(`sleep\0${mark}`)) process.kill(Number(pid), 'SIGKILL');
  expect(await running).toMatchObject({ outcome: 'error', exit_code: 137, limit: 'memory' });
});

test('version 2: enabled controllers are not asked for; where they cannot be enabled, it says so', async () => {
  const directory = temporaryDirectory();
  await writeFile(join(directory, 'cgroup.subtree_control'), 'memory pids\n');
  expect(await enableControllers(directory, ['pids', 'memory'])).toBe(true);
  expect(readFileSync(join(directory, 'cgroup.subtree_control'), 'utf8')).toBe('memory pids\n');
  expect(await enableControllers(temporaryDirectory(), ['pids'])).toBe(false);
});

/** A group of version 2 for a process that is started in it, and a controller that it may have. */
const v2 = (name: string): readonly string[] =>
  UNIFIED === undefined
    ? []
    : readFileSync(join(UNIFIED, name), 'utf8')
        .split(/\s+/)
        .filter((word) => word !== '');
const [controller = ''] = [...v2('cgroup.subtree_control'), ...v2('cgroup.controllers')];
const isEnabled = v2('cgroup.subtree_control').includes(controller);

describe('version 2: a process in a separate group', () => {
  const inGroup = async (script: string): Promise<unknown> => {
    const place = placeForUser();
    const group = join(UNIFIED ?? '', `ravenhelm-test-${process.pid}-${Math.random().toString(36).slice(2)}`);
    const file = join(place.directory, 'group.mjs');
    await writeFile(
      file,
      `import { enableControllers, openCgroups } from './src/tools/cgroups.js';
import { readFileSync, readdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
const group = process.argv[2];
const own = () => readFileSync('/proc/self/cgroup', 'utf8').split('\\n').find((line) => line.startsWith('0::'));
${script}`,
    );
    mkdirSync(group);
    try {
      const enter = 'echo $$ > "$1/cgroup.procs" && exec "$2" "$3" "$1"';
      const words = ['-c', enter, 'sh', group, process.execPath, file];
      return JSON.parse(execFileSync('sh', words, { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '' } }));
    } finally {
      const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      for (const { name } of below) rmdirSync(join(group, name));
      rmdirSync(group);
    }
  };
  const withController = UNIFIED === undefined || controller === '' ? test.skip : test;
  const switchTo = (sign: string) => writeFile(join(UNIFIED ?? '', 'cgroup.subtree_control'), `${sign}${controller}`);
  beforeAll(async () => {
    if (controller !== '' && !isEnabled) await switchTo('+');
  });
  afterAll(async () => {
    if (controller !== '' && !isEnabled) await switchTo('-');
  });
  const enabled = `const answer = await enableControllers(group, ['${controller}']);`;

  withController('moves to a leaf, so that its group may have groups with controllers', async () => {
    const script = `${enabled}
      const control = readFileSync(group + '/cgroup.subtree_control', 'utf8');
      console.log(JSON.stringify({ answer, own: own(), control }));`;
    expect(await inGroup(script)).toEqual({
      answer: true,
      own: expect.stringMatching(/\/ravenhelm-worker$/),
      control: `${controller}\n`,
    });
  });

  withController('moves no process that does not belong to it', async () => {
    const script = `
      const stranger = spawn('sh', ['-c', 'sleep 60 & echo $!'], { stdio: ['ignore', 'pipe', 'ignore'] });
      const [pid] = await Promise.all([
        new Promise((done) => stranger.stdout.once('data', (text) => done(Number(text)))),
        new Promise((done) => stranger.once('exit', done)),
      ]);
      ${enabled}
      process.kill(pid);
      console.log(JSON.stringify({ answer, own: own() }));`;
    expect(await inGroup(script)).toEqual({ answer: false, own: expect.not.stringMatching(/worker$/) });
  });

  (process.env['RAVENHELM_TEST_CGROUP_V2'] === '1' ? test : test.skip)('on this computer limits hold by it', () => {
    expect(cgroups.usable).toMatchObject([{ version: 2, controllers: ['memory', 'pids'] }]);
  });
});

describe('where no group can be made', () => {
  const inProcess = async (cgroup: string, mountinfo: string) => {
    const directory = temporaryDirectory();
    await Promise.all([
      writeFile(join(directory, 'cgroup'), cgroup),
      writeFile(join(directory, 'mountinfo'), mountinfo),
    ]);
    return openCgroups(directory);
  };

  test.each([
    ['no cgroups are mounted', '0::/\n', ''],
    ['it is not there', '', ''],
    ['the group is outside of what is mounted', '0::/a\n', '1 1 0:1 /b /sys/fs/cgroup rw - cgroup2 cgroup rw\n'],
    ['the mount is no cgroup', '2:memory:/\n', '1 1 0:1 / /proc rw shared:1 - cgroup cgroup rw,memory\n'],
  ])('because %s, none is usable', async (_, cgroup, mountinfo) => {
    expect(await inProcess(cgroup, mountinfo)).toEqual(NO_CGROUPS);
  });

  test('because its directory is none of cgroups, nothing is left in it', async () => {
    const fake = temporaryDirectory();
    await mkdir(join(fake, 'own'));
    const found = await inProcess('3:pids:/own\n', `1 1 0:1 / ${fake} rw - cgroup cgroup rw,pids\n`);
    expect(found).toEqual(NO_CGROUPS);
    expect(readdirSync(join(fake, 'own'))).toEqual([]);
  });
});

test('one line says what holds', () => {
  expect(limitsLine(NO_CGROUPS)).toBe('Limits: by prlimit (CPU, files), measuring (memory, processes, CPU, workspace)');
  const two = { version: 2, controllers: ['memory', 'pids'], directory: '/x' } as const;
  expect(limitsLine({ usable: [two] })).toBe(
    'Limits: by cgroup v2 (memory, processes), prlimit (CPU, files), measuring (CPU, workspace)',
  );
});
