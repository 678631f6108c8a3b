import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { openCgroups } from '../../src/tools/cgroups.js';
import { fieldsOf, takeFence, type Launch } from '../../src/tools/launcher.js';
import { encodeRequest, LAUNCHER_PATH, LAUNCHER_PROGRAM } from '../../src/tools/launcher-process.js';
import { readLauncherOutcome } from '../../src/tools/outcome.js';
import { preparePlace, type RunPlace } from '../../src/tools/places.js';
import { shellProgram } from '../../src/tools/programs.js';
import { INSIDE, sandboxArguments, systemMounts } from '../../src/tools/sandbox.js';
import { filterFor, hasFilter } from '../../src/tools/seccomp/filter.js';
import { alive, newMark, procFile, sleepers } from '../support/marked-processes.js';
import {
  createHarness,
  never,
  removeTemporaryDirectories,
  temporaryDirectory,
  usableSandbox,
  type Harness,
} from './harness.js';

/** The launcher's program itself, started as the worker does, and what can happen to its processes. */
const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;

let harness: Harness;
let place: RunPlace;
beforeEach(async () => {
  harness = await createHarness();
  place = await preparePlace(harness.task(), {
    workspaceRoot: harness.root,
    separateAccount: isRoot,
    filter: hasFilter(process.arch) ? filterFor(process.arch) : null,
  });
});
afterAll(removeTemporaryDirectories);

const STEM = 'a1-s1';

function request(change: Partial<Launch> & Pick<Launch, 'commands' | 'argumentVector'>): Buffer {
  return encodeRequest(
    fieldsOf({
      place,
      stem: STEM,
      claimOffset: 10,
      timeLimitMs: 30_000,
      callRecord: '{}',
      isolated: true,
      seccomp: place.seccomp,
      token: place.run,
      input: null,
      ...change,
    }),
  );
}

async function inSandbox(command: string, timeLimitMs = 30_000): Promise<Buffer> {
  const argumentVector = sandboxArguments({
    sandbox: await usableSandbox(),
    system: systemMounts({ toolboxDir: null, extraBinds: [], nodePath: process.execPath }),
    ...place,
    limits: DEFAULT_LIMITS,
    workspaceWritable: true,
    hideState: false,
    program: shellProgram(INSIDE.workspace),
  });
  return request({ commands: [command], argumentVector, timeLimitMs });
}

function start(sent: Buffer, before: readonly string[] = []): ChildProcess {
  const [program, ...rest] = [...before, 'perl', '-w', LAUNCHER_PROGRAM];
  const child = spawn(program, rest, {
    detached: true,
    env: { PATH: LAUNCHER_PATH },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin?.end(sent);
  return child;
}

async function endOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const outcome = () => readLauncherOutcome(place, STEM);
const output = (stream: 'stdout' | 'stderr') => readFileSync(join(place.outputs, `${STEM}.${stream}`), 'utf8');

function runnerOf(guardian: number | undefined): number {
  const found = alive('ravenhelm-launcher').find((pid) =>
    procFile(pid, 'status').includes(`\nPPid:\t${guardian ?? -1}\n`),
  );
  if (found === undefined) throw new Error('the launcher has no runner');
  return Number(found);
}

/** Descriptors as a careless parent of the worker leaves them open: a directory, a file, a pipe; also sparse ones. */
const WITH_OPEN_FILES = [
  'bash',
  '--norc',
  '-c',
  'exec 3</etc 9</etc/passwd 200</etc 201</etc/passwd 251> >(cat); exec "$@"',
  '-',
];
const LIST = 'cd /proc/self/fd; for n in *; do [ "$n" -le 2 ] || readlink "$n" || :; done';

test('no descriptor that the worker inherited reaches a command, nor one of the launcher', async () => {
  const child = start(await inSandbox(LIST), WITH_OPEN_FILES);
  expect(await endOf(child)).toBe(0);
  expect(await outcome()).toMatchObject({ reason: 'exited' });
  // The shell has the directory open while it lists it; readlink prints nothing once it is closed.
  expect(output('stdout')).toBe('');
});

test('without a sandbox a command inherits the task’s lock and nothing else', async () => {
  const child = start(
    request({ isolated: false, commands: [LIST], argumentVector: ['setsid', '/bin/sh', '-c'] }),
    WITH_OPEN_FILES,
  );
  expect(await endOf(child)).toBe(0);
  expect(output('stdout')).toBe(`${place.run}/lock\n`);
});

describe('a launcher of which one process is killed', () => {
  const running = async (mark: string) => {
    const child = start(await inSandbox(`${sleepers(mark)}; touch started; sleep ${mark}`));
    await until(() => existsSync(join(place.workspace, 'started')));
    return child;
  };

  test('the runner: the guardian keeps the lock, ends the tool and leaves the outcome', async () => {
    const mark = newMark();
    const child = await running(mark);
    process.kill(runnerOf(child.pid), 'SIGKILL');
    expect(await endOf(child)).toBe(0);
    expect(alive(mark)).toEqual([]);
    expect(await outcome()).toMatchObject({ reason: 'aborted', exitCode: 137 });
  });

  test('the guardian: the runner keeps the lock, ends the tool and leaves the outcome', async () => {
    const mark = newMark();
    const child = await running(mark);
    const runner = runnerOf(child.pid);
    child.kill('SIGKILL');
    expect(await endOf(child)).toBe('SIGKILL');
    await takeFence(place, 10, never);
    expect(alive(mark)).toEqual([]);
    expect(await outcome()).toMatchObject({ reason: 'aborted' });
    await until(() => !existsSync(`/proc/${runner}`));
  });

  test('both: the tool dies with them', async () => {
    const mark = newMark();
    const child = await running(mark);
    const runner = runnerOf(child.pid);
    child.kill('SIGKILL');
    process.kill(runner, 'SIGKILL');
    await until(() => alive(mark).length === 0);
    expect(await outcome()).toBeNull();
  });
});

test('a fork bomb ends with its time limit', async () => {
  const mark = newMark();
  const bomb = `ulimit -p 300; perl -e 'fork while 1; ${mark}'`;
  expect(await endOf(start(await inSandbox(bomb, 1_000)))).toBe(0);
  expect(alive(mark)).toEqual([]);
  const left = await outcome();
  expect(left).toMatchObject({ reason: 'timeout' });
  expect(left?.durationMs).toBeLessThan(3_000);
});

const PIDS = (await openCgroups()).usable.find(({ controllers }) => controllers.includes('pids'));

(PIDS === undefined ? test.skip : test)(
  'a fork bomb ends with its time limit where the launcher cannot start a process either',
  async () => {
    const mark = newMark();
    // Here is no limit but this one, and the launcher is in it.
    const group = join(PIDS?.directory ?? '', `ravenhelm-test-${process.pid}`);
    mkdirSync(group);
    try {
      writeFileSync(join(group, 'pids.max'), '60');
      const inGroup = 'echo $$ > "$0/cgroup.procs" && exec "$@" || exit 99';
      const began = performance.now();
      const child = start(await inSandbox(`perl -e 'fork while 1; ${mark}'`, 1_000), ['sh', '-c', inGroup, group]);
      expect(await endOf(child)).toBe(0);
      expect(performance.now() - began).toBeLessThan(10_000);
      expect(alive(mark)).toEqual([]);
      const left = await outcome();
      expect(left).toMatchObject({ reason: 'timeout' });
      expect(left?.durationMs).toBeLessThan(3_000);
      expect(Number(/max (\d+)/.exec(readFileSync(join(group, 'pids.events'), 'utf8'))?.[1])).toBeGreaterThan(0);
    } finally {
      await until(() => readFileSync(join(group, 'cgroup.procs'), 'utf8') === '');
      rmdirSync(group);
    }
  },
);

describe('a bwrap', () => {
  const fake = (script: string): Buffer => {
    const path = join(temporaryDirectory(), 'bwrap');
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return request({ commands: ['true'], argumentVector: [path] });
  };

  test('that ends without a status and leaves a process: nothing ran, and nothing is left', async () => {
    const mark = newMark();
    expect(await endOf(start(fake(`(setsid sleep ${mark} &); echo no namespaces >&2; exit 1`)))).toBe(0);
    expect(alive(mark)).toEqual([]);
    expect(await outcome()).toMatchObject({ reason: 'broken', exitCode: 1 });
    expect(output('stderr')).toBe('no namespaces\n');
  });

  test('that another process kills: the outcome is unknown', async () => {
    expect(await endOf(start(fake('kill -9 $$')))).toBe(0);
    expect(await outcome()).toMatchObject({ reason: 'lost', exitCode: 137 });
  });

  test('that never ends and ignores its sandbox’s end is killed at the time limit', async () => {
    const mark = newMark();
    const path = join(temporaryDirectory(), 'bwrap');
    writeFileSync(
      path,
      `#!/bin/bash\nsleep ${mark} & eval "echo '{ \\"child-pid\\": $! }' >&$2"; sleep ${mark}; sleep ${mark}\n`,
    );
    chmodSync(path, 0o755);
    const child = start(request({ commands: ['true'], argumentVector: [path], timeLimitMs: 300 }));
    expect(await endOf(child)).toBe(0);
    expect(alive(mark)).toEqual([]);
    expect(await outcome()).toMatchObject({ reason: 'timeout' });
  });

  test('that is missing: nothing ran, and the reason is kept', async () => {
    expect(await endOf(start(request({ commands: ['true'], argumentVector: ['/no/such/bwrap'] })))).toBe(0);
    expect(await outcome()).toMatchObject({ reason: 'broken' });
    expect(output('stderr')).toContain('cannot run /no/such/bwrap: No such file or directory');
  });
});

(process.arch === 'x64' ? test : test.skip)('each call has a separate session keyring', async () => {
  // keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, no new one); the filter would refuse it.
  const look = `perl -e 'my $id = syscall(250, 0, -3, 0); print $id < 0 ? "error $!" : $id'`;
  place = { ...place, seccomp: null };
  const ids = [];
  for (const _ of [1, 2]) {
    expect(await endOf(start(await inSandbox(look)))).toBe(0);
    ids.push(output('stdout'));
    rmSync(join(place.run, `${STEM}.started`));
  }
  const own = execFileSync('sh', ['-c', look], { encoding: 'utf8' });
  expect(ids).toEqual([expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+$/)]);
  expect(new Set([...ids, own]).size).toBe(3);
});

test('if memory is short, the kernel ends a command before the worker', async () => {
  expect(await endOf(start(await inSandbox('cat /proc/self/oom_score_adj')))).toBe(0);
  expect(output('stdout')).toBe('500\n');
});

const CAP_SYS_RESOURCE = 24n;
const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(procFile('self', 'status'))?.[1] ?? '0';
const isPrivileged = ((BigInt(`0x${capabilities}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;

// By the kernel's rule: what a process with CAP_SYS_RESOURCE has set last is the least that one without it can set.
test('a command cannot lower its oom_score_adj below what CAP_SYS_RESOURCE has set', async () => {
  const own = Number(procFile('self', 'oom_score_adj'));
  const score = '/proc/self/oom_score_adj';
  const lower = `for n in 499 ${own} ${own - 1}; do echo $n > ${score}; done; cat ${score}`;
  expect(await endOf(start(await inSandbox(lower)))).toBe(0);
  expect(output('stdout')).toBe(isPrivileged ? '500\n' : `${own}\n`);
});

test('an output of more than 256 MiB is cut there, and the command gets SIGPIPE', async () => {
  const child = start(await inSandbox('head -c 300000000 /dev/zero; echo $? >&2'));
  expect(await endOf(child)).toBe(0);
  expect(statSync(join(place.outputs, `${STEM}.stdout`)).size).toBe(256 * 1024 * 1024);
  expect(output('stderr')).toBe('141\n');
});

test('a command that spoils its own descriptors does not spoil the next one', async () => {
  const spoil = "perl -e 'chmod 0, *STDOUT, *STDERR; chmod 0, *STDIN'; mkfifo x; echo done";
  expect(await harness.sh(spoil)).toMatchObject({ stdout: 'done\n' });
  expect(await harness.sh('echo x > /dev/stdout; echo y > /dev/stderr')).toMatchObject({
    stdout: 'x\n',
    stderr: 'y\n',
  });
});

test('a launcher whose worker dies before it has sent the whole request starts nothing', async () => {
  const sent = await inSandbox('touch x');
  expect(await endOf(start(sent.subarray(0, sent.length - 3)))).toBe(73);
  expect(existsSync(join(place.run, `${STEM}.started`))).toBe(false);
});

describe('a computer that starts no more processes', () => {
  /** Only a user's processes can be limited without harm to others. */
  const USER = 12_347;
  asRoot.each([
    [1, 'the runner'],
    [2, 'the tool'],
  ])('with a limit of %i: %s cannot be started, and the outcome says so', async (most) => {
    const run = temporaryDirectory();
    place = { ...place, run, outputs: join(run, 'outputs') };
    mkdirSync(place.outputs);
    for (const directory of [run, place.outputs]) chownSync(directory, USER, USER);
    const asUser = [
      'setpriv',
      '--reuid',
      `${USER}`,
      '--regid',
      `${USER}`,
      '--clear-groups',
      'prlimit',
      `--nproc=${most}`,
    ];
    const copy = join(temporaryDirectory(), 'ravenhelm-launcher.pl');
    writeFileSync(copy, readFileSync(LAUNCHER_PROGRAM));
    chmodSync(join(copy, '..'), 0o755);
    const child = spawn(asUser[0] ?? '', [...asUser.slice(1), 'perl', '-w', copy], {
      env: { PATH: LAUNCHER_PATH },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.stdin?.end(request({ isolated: false, commands: ['true'], argumentVector: ['/bin/sh', '-c'] }));
    expect(await endOf(child)).toBe(0);
    expect(await outcome()).toMatchObject({ reason: 'broken', exitCode: 1 });
    expect(output('stderr')).toBe('cannot start a process: Resource temporarily unavailable\n');
  });
});

test.each(['', '-measure'])('the launcher’s text is sound: strict, without warnings (%s)', async (part) => {
  const path = LAUNCHER_PROGRAM.replace(/\.pl$/, `${part}.pl`);
  const child = spawn('perl', ['-wc', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  expect(await endOf(child)).toBe(0);
  expect(said).toBe(`${path} syntax OK\n`);
  expect(readFileSync(path, 'utf8')).toMatch(/^use strict;$/m);
});
