import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRoster } from '../../src/agent/roster.js';
import type { CommandContext } from '../../src/cli/context.js';
import { loadConfig, type ConfigInput } from '../../src/cli/config.js';
import { describeFailure } from '../../src/cli/failure.js';
import { readMission, readRoster } from '../../src/cli/mission-source.js';
import { openClientLog, openSwarmLog } from '../../src/cli/open-log.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mission-source-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function failureOf(name: string) {
  // readMission asks the context for nothing but these two directories
  const context = { host: { cwd: dir, projectDir: dir, packageDir: dir } } as unknown as CommandContext;
  return describeFailure(
    await readMission(context, name, createRoster([]), {}).then(
      () => null,
      (error: unknown) => error,
    ),
  );
}

describe('a mission file that cannot be read', () => {
  test('is a directory', async () => {
    await mkdir(join(dir, 'x.yaml'));
    expect(await failureOf('x.yaml')).toMatchObject({ exitCode: 2, message: `${dir}/x.yaml is a directory` });
  });

  test('is a link that leads in a circle', async () => {
    await symlink('x.yaml', join(dir, 'x.yaml'));
    expect(await failureOf('x.yaml')).toMatchObject({
      exitCode: 2,
      message: `${dir}/x.yaml cannot be read: its links form a cycle`,
    });
  });

  test('is a link to nowhere, and is not suggested for itself', async () => {
    await symlink('nowhere', join(dir, 'x.yaml'));
    expect(await failureOf('x.yaml')).toMatchObject({
      exitCode: 2,
      message: `${dir}/x.yaml cannot be read: its link points to a file that does not exist`,
    });
  });

  test('is missing: a name with a dot before is not suggested', async () => {
    await symlink('me@host.1:2', join(dir, '.#x.yaml'));
    await writeFile(join(dir, 'other.yaml'), 'name: other\nbrief: anything\n');
    await writeFile(join(dir, 'compose.yaml'), 'services: {}\n');
    expect(await failureOf('x.yaml')).toMatchObject({ exitCode: 2, nextStep: `There are: ${dir}/other.yaml` });
  });

  test('is missing: the name that is near is suggested; a common ending makes no name near', async () => {
    await writeFile(join(dir, 'loud.yaml'), 'name: loud\nbrief: anything\n');
    expect(await failureOf('lod.yml')).toMatchObject({ nextStep: `Did you mean ${dir}/loud.yaml?` });
    expect(await failureOf('nope.yaml')).toMatchObject({ nextStep: `There are: ${dir}/loud.yaml` });
  });

  test.each([
    ['a NUL', 'name: \u0000secret'],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x41])],
  ])('holds %s', async (_, content) => {
    await writeFile(join(dir, 'x.yaml'), content);
    const failure = await failureOf('x.yaml');
    expect(failure).toMatchObject({
      exitCode: 2,
      message: `${dir}/x.yaml: this is not a text file (UTF-8); name a mission file, such as missions/hello.yaml`,
    });
  });

  (process.getuid?.() === 0 ? test.skip : test)('is not open to the user', async () => {
    await writeFile(join(dir, 'x.yaml'), 'name: x');
    await chmod(join(dir, 'x.yaml'), 0);
    expect(await failureOf('x.yaml')).toMatchObject({
      exitCode: 2,
      message: `${dir}/x.yaml cannot be read: permission denied`,
    });
  });
});

describe('an error that a setting causes names where it came from', () => {
  const contextWith = (input: Partial<ConfigInput>, files: Readonly<Record<string, string>> = {}) =>
    ({
      config: loadConfig({
        flags: {},
        env: {},
        cwd: dir,
        projectDir: dir,
        configFile: null,
        readFile: (path) => files[path] ?? null,
        ...input,
      }),
    }) as CommandContext;
  const from = (name: string, value: string): [string, () => CommandContext][] => [
    ['flag', () => contextWith({ flags: { [name]: value } })],
    ['environment', () => contextWith({ env: { [name]: value } })],
    ['.env', () => contextWith({}, { [join(dir, '.env')]: `${name}=${value}` })],
    ['file', () => contextWith({}, { [join(dir, 'ravenhelm.yaml')]: `${name.toLowerCase()}: ${value}` })],
  ];
  const failed = (attempt: Promise<unknown>) => attempt.then(() => null, describeFailure);

  test.each(from('RAVENHELM_LOG', 'memory'))('the in-memory log, from %s', async (source, context) => {
    const way = {
      flag: 'Leave --log memory out',
      environment: 'Unset the environment variable RAVENHELM_LOG',
      '.env': `Take RAVENHELM_LOG out of ${dir}/.env`,
      file: `Take RAVENHELM_LOG out of ${dir}/ravenhelm.yaml:1`,
    }[source];
    expect(await failed(openClientLog(context()))).toMatchObject({ exitCode: 2, nextStep: `${way}.` });
    expect(await failed(openSwarmLog(context(), { allowMemory: false }))).toMatchObject({
      exitCode: 2,
      nextStep: `${way}, or start everything in one process: npx ravenhelm`,
    });
  });

  test.each(from('RAVENHELM_AGENTS_DIR', 'nowhere'))(
    'the directory of the agents, from %s',
    async (source, context) => {
      const place = {
        flag: '--agents-dir',
        environment: 'the environment variable RAVENHELM_AGENTS_DIR',
        '.env': `RAVENHELM_AGENTS_DIR in ${dir}/.env`,
        file: `RAVENHELM_AGENTS_DIR in ${dir}/ravenhelm.yaml:1`,
      }[source];
      expect(await failed(readRoster(context()))).toMatchObject({
        exitCode: 2,
        message:
          `${dir}/nowhere: the directory of agents does not exist; ` +
          `create one file per agent (name.md) there, or set ${place} to another directory`,
      });
    },
  );

  test('the directory of the agents, by default', async () => {
    expect((await failed(readRoster(contextWith({}))))?.message).toContain('or set --agents-dir to another directory');
  });
});
