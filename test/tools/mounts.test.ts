/** The mounts of an agent: what a sandbox sees of them, and what is never mounted. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import type { TaskPlace } from '../../src/ports/tools.js';
import { resolveMounts } from '../../src/tools/mounts.js';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { NO_PROVISIONS } from '../../src/tools/provisions.js';
import { placeForUser, runAsUser } from './as-user.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory, type Harness } from './harness.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;

afterAll(removeTemporaryDirectories);

/** Readable for all, as the command's user is another one. */
function sourceDirectory(): string {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'data'));
  writeFileSync(join(directory, 'data/rows.csv'), 'a,b\n');
  writeFileSync(join(directory, 'one.txt'), 'one\n');
  symlinkSync('data', join(directory, 'link'));
  for (const path of ['', 'data']) chmodSync(join(directory, path), 0o755);
  return directory;
}

const source = sourceDirectory();
const paths = [join(source, 'link'), join(source, 'one.txt')];
const permissions = { mounts: paths.map((path) => ({ path, mode: 'ro' as const })) };
const rules = (workspaceRoot = '/nowhere', ...privateFiles: readonly string[]) => ({
  workspaceRoot,
  privateFiles,
  engineSockets: ['/nowhere/docker.sock'],
});

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness({ provisions: { ...NO_PROVISIONS, mounts: await resolveMounts(paths, rules()) } });
});
let tasks = 0;
const task = (): TaskPlace => ({ ...harness.task(`t${++tasks}`), permissions });

const LOOK = [
  `cat ${source}/link/rows.csv ${source}/one.txt; ls ${source}`,
  `(echo x > ${source}/link/new) 2>/dev/null || echo read-only; (rm ${source}/one.txt) 2>/dev/null || echo kept`,
  `awk '$5 ~ "^${source}/" { print $6 }' /proc/self/mountinfo | tr , "\\n" | ` +
    "sort | uniq -c | tr -s ' ' | grep -v atime",
].join('; ');
const SEEN = 'a,b\none\nlink\none.txt\nread-only\nkept\n 2 nodev\n 2 nosuid\n 2 ro\n';

describe('the mounts of an agent', () => {
  test('are at the same path, read-only, without devices and setuid', async () => {
    expect(await harness.sh(LOOK, { task: task() })).toMatchObject({ stdout: SEEN, stderr: '' });
    expect(readFileSync(join(source, 'one.txt'), 'utf8')).toBe('one\n');
  });

  asRoot('are the same where the worker is not root', async () => {
    const module = `
      import { resolveMounts } from './src/tools/mounts.js';
      const rules = { workspaceRoot: root, privateFiles: [], engineSockets: [] };
      const mounts = await resolveMounts(${JSON.stringify(paths)}, rules);
      const provisions = { secrets: new Map(), mounts, engine: null };
      const own = createToolExecutor({ ...system, workspaceRoot: root, sandbox, clock, logger, provisions });
      const permissions = ${JSON.stringify(permissions)};
      console.log(JSON.stringify(await own.run({ task: { ...task, permissions }, step: 1, claimOffset: 1,
        timeLimitMs: 20000, tool: 'execute_terminal_command',
        arguments: { command: ${JSON.stringify(LOOK)} } }, never)));`;
    const { observation } = JSON.parse(await runAsUser(placeForUser(), module));
    expect(JSON.parse(observation)).toMatchObject({ stdout: SEEN, stderr: '' });
  });

  test('are not there for an agent that does not name them, nor for the file tools', async () => {
    expect((await harness.sh(`ls ${source}`)).stderr).toContain('No such file');
    const read = await harness.call('workspace_read', { path: paths[1] }, { task: task() });
    expect(read).toMatchObject({ outcome: 'refused', observation: expect.stringContaining('outside the workspace') });
  });

  test('that become links or disappear after the start of the worker are not followed', async () => {
    const directory = sourceDirectory();
    const path = join(directory, 'data');
    const own = await createHarness({ provisions: { ...NO_PROVISIONS, mounts: await resolveMounts([path], rules()) } });
    const see = () =>
      own.sh(`ls ${path}`, { task: { ...own.task(), permissions: { mounts: [{ path, mode: 'ro' }] } } });
    expect(await see()).toMatchObject({ stdout: 'rows.csv\n' });
    renameSync(path, `${path}-before`);
    await expect(see()).rejects.toMatchObject({ code: 'permission', message: expect.stringContaining('no such file') });
    symlinkSync('/etc', path);
    await expect(see()).rejects.toMatchObject({
      code: 'permission',
      message: expect.stringContaining('(/etc); restart'),
    });
  });
});

test('what lies in a directory from --workspace is no mount: its agents could put a link there', async () => {
  const directory = sourceDirectory();
  const path = join(directory, 'data');
  const own = await createHarness({ provisions: { ...NO_PROVISIONS, mounts: await resolveMounts([path], rules()) } });
  if (process.getuid?.() === 0) chownSync(directory, SANDBOX_ACCOUNT.uid, SANDBOX_ACCOUNT.gid);
  const marker = await workspaceMarker(directory);
  const given = { ...own.task('given'), workspace: directory, workspaceMarker: marker };
  const permissions = { mounts: [{ path, mode: 'ro' as const }] };
  const refused = { code: 'permission', message: expect.stringContaining('lies in the workspace') };
  await expect(own.sh('true', { task: { ...given, permissions } })).rejects.toMatchObject(refused);
  // Nor is it one for another mission of this worker then.
  await expect(own.sh('true', { task: { ...own.task('other'), permissions } })).rejects.toMatchObject(refused);
});

describe('refused as a mount is', () => {
  const directory = sourceDirectory();
  const at = (...names: readonly string[]) => join(directory, ...names);
  mkdirSync(at('workspaces/m1'), { recursive: true });
  mkdirSync(at('user/.ssh'), { recursive: true });
  mkdirSync(at('project'));
  mkdirSync(at('engines'));
  symlinkSync('engines', at('to-engines'));
  writeFileSync(at('project/.env'), 'PASSWORD=x\n');
  symlinkSync('/etc', at('to-etc'));
  symlinkSync('project/.env', at('to-env'));
  symlinkSync('cycle', at('cycle'));
  symlinkSync(homedir(), at('to-home'));
  execFileSync('mkfifo', [at('pipe')]);
  const server = createServer();
  beforeAll(() => new Promise<void>((resolve) => server.listen(at('socket'), resolve)));
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test.each([
    ['missing', at('missing'), /cannot be opened \(no such file or directory\); create it/],
    ['a cycle of links', at('cycle'), /cannot be opened \(its links form a cycle\)/],
    ['a socket', at('socket'), /is a socket; only files and directories/],
    ['a named pipe', at('pipe'), /is a named pipe; only files and directories/],
    ['a device', '/dev/null', /is a device/],
    ['a link to a directory of the system', at('to-etc'), /leads to \/etc, which is the same as \/etc, which no agent/],
    ['a file of the system', '/etc/hostname', /is in \/etc, which no agent may see/],
    ['a process', '/proc/self', /in \/proc, which no agent may see/],
    ['everything', '/', /is around \/proc/],
    ['a link to a home', at('to-home'), /which is the same as the home directory/],
    ['keys', at('user/.ssh'), /has \.ssh, where programs keep keys/],
    ['a directory with keys', at('user'), /has \.ssh, where programs keep keys/],
    ["a mission's workspace", at('workspaces/m1'), /is in the missions' workspaces/],
    ['around the workspaces', directory, /is around the missions' workspaces/],
    ['around the socket of an engine', at('engines'), /is around the engine's socket/],
    ['a link to one', at('to-engines'), /which is around the engine's socket/],
    ["around the project's .env", at('project'), /is around the private file .*\.env/],
    ["a link to the project's .env", at('to-env'), /which is the same as the private file .*\.env/],
  ])('%s', async (_, path, problem) => {
    const engineSockets = [at('engines/podman.sock')];
    const found = await resolveMounts([path], { ...rules(at('workspaces'), at('project/.env')), engineSockets });
    expect(found.get(path)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });

  test('but what lies beside all of these is one', async () => {
    const found = await resolveMounts([at('data'), at('link')], rules(at('workspaces'), at('project/.env')));
    expect([...found.values()].map((mount) => mount.ok && basename(mount.value))).toEqual(['data', 'data']);
  });
});
