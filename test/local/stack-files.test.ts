import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFailure } from '../../src/cli/failure.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { usingStackFiles } from '../../src/local/stack-files.js';
import { temporaryPlace, world } from './stack-fixture.js';

let place: Awaited<ReturnType<typeof temporaryPlace>>;
beforeEach(async () => {
  place = await temporaryPlace();
});
afterEach(() => place.remove());

/** The error of a command whose work rejects. */
const failureOf = async (work: Promise<unknown>) => describeFailure(await work.catch((error: unknown) => error));

describe('a directory that cannot be used for the stack', () => {
  test.each(['up', 'down', 'status'] as const)(
    'if a file is in its place, stack %s names it and says what to do',
    async (command) => {
      const file = join(place.dataDir, '.ravenhelm');
      await writeFile(file, '');
      const dataDir = join(file, 'stack');
      const stack = createLocalStack({ ...place, dataDir }, world);
      const failure = await failureOf(stack[command]({ progress: () => {} }));
      expect(failure).toEqual({
        exitCode: 2,
        message: expect.stringMatching(
          new RegExp(
            `^${dataDir} cannot be used for the local stack \\(` +
              '(a file with this name exists already|a part of the path is not a directory)',
          ),
        ),
        nextStep: expect.stringMatching(/^Make .* a directory that this user can write to\.\nOr set KAFKA_BROKERS/),
      });
    },
  );

  test('on a full disk the next step is to free some space', async () => {
    const full = join(place.dataDir, 'server.properties');
    await symlink('/dev/full', full);
    const failure = await failureOf(usingStackFiles(place, () => writeFile(full, 'process.roles=broker\n')));
    expect(failure).toMatchObject({
      exitCode: 2,
      message: `${place.dataDir} cannot be used for the local stack (the disk is full).`,
      nextStep: expect.stringMatching(/^Free some space there\./),
    });
  });

  test('a directory in place of a file is named', async () => {
    const path = join(place.dataDir, 'server.properties');
    await mkdir(path);
    const failure = await failureOf(usingStackFiles(place, () => writeFile(path, '')));
    expect(failure).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(`(it is a directory: ${path})`),
    });
  });

  test.each([
    ['EROFS', 'read-only'],
    ['EACCES', 'permission'],
    ['EPERM', 'permission'],
    ['ENOENT', 'no such file'],
  ])('%s is reported in plain words', async (code, word) => {
    const error = Object.assign(new Error(code), { code, syscall: 'mkdir', path: place.dataDir });
    expect(await failureOf(usingStackFiles(place, () => Promise.reject(error)))).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(word),
    });
  });

  test.each([
    ['another directory’s file', { code: 'ENOENT', syscall: 'open', path: '/somewhere/else' }],
    ['a signal that may not be sent', { code: 'EPERM', syscall: 'kill' }],
  ])('%s is not taken for it', async (_, fields) => {
    const error = Object.assign(new Error('other'), fields);
    await expect(usingStackFiles(place, () => Promise.reject(error))).rejects.toBe(error);
  });
});
