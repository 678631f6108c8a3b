import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext } from '../../src/cli/context.js';
import type { Host } from '../../src/cli/host.js';
import { describeFailure } from '../../src/cli/failure.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'context-'));
});
afterEach(() => rm(dir, { recursive: true }));

function failure() {
  const output = { isTerminal: false, write: () => undefined };
  try {
    createContext({ cwd: dir, projectDir: dir, env: {}, stdout: output, stderr: output } as unknown as Host, {
      json: false,
      configFile: null,
      flags: {},
    });
  } catch (error) {
    return describeFailure(error);
  }
  throw new Error('the configuration was accepted');
}

test.each(['.env', 'ravenhelm.yaml'])('%s that is no text is refused without its content', async (name) => {
  await writeFile(join(dir, name), Buffer.from('LOG_LEVEL=\u0000info'));
  expect(failure()).toEqual({
    exitCode: 2,
    message: `${dir}/${name}: this is not a text file (UTF-8)`,
    nextStep: 'Save it as UTF-8, or take it away.',
  });
});

test.each(['.env', 'ravenhelm.yaml'])('%s that is a directory is refused', async (name) => {
  await mkdir(join(dir, name));
  expect(failure()).toMatchObject({ exitCode: 2, message: `${dir}/${name} cannot be read: it is a directory` });
});
