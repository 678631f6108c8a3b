import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRoster } from '../../src/agent/roster.js';
import type { CommandContext } from '../../src/cli/context.js';
import { describeFailure } from '../../src/cli/failure.js';
import { readMission } from '../../src/cli/mission-source.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mission-source-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function failureOf(name: string) {
  // readMission asks the context for nothing but these two directories
  const context = { host: { cwd: dir, projectDir: dir } } as unknown as CommandContext;
  return describeFailure(await readMission(context, name, createRoster([])).then(() => null, (error: unknown) => error));
}

describe('a mission file that cannot be read', () => {
  test('is a directory', async () => {
    await mkdir(join(dir, 'x.yaml'));
    expect(await failureOf('x.yaml')).toMatchObject({ exitCode: 2, message: `${dir}/x.yaml is a directory` });
  });

  test('is a link that leads in a circle', async () => {
    await symlink('x.yaml', join(dir, 'x.yaml'));
    expect(await failureOf('x.yaml')).toMatchObject({ exitCode: 2, message: `${dir}/x.yaml cannot be read: its links lead in a circle` });
  });

  test.each([['a NUL', 'name: \u0000secret'], ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x41])]])('holds %s', async (_, content) => {
    await writeFile(join(dir, 'x.yaml'), content);
    const failure = await failureOf('x.yaml');
    expect(failure).toMatchObject({ exitCode: 2, message: `${dir}/x.yaml: this is not a text file (UTF-8); name a mission file, such as missions/hello.yaml` });
  });

  (process.getuid?.() === 0 ? test.skip : test)('is not open to the user', async () => {
    await writeFile(join(dir, 'x.yaml'), 'name: x');
    await chmod(join(dir, 'x.yaml'), 0);
    expect(await failureOf('x.yaml')).toMatchObject({ exitCode: 2, message: `${dir}/x.yaml cannot be read: permission denied` });
  });
});
