/** Ctrl-C in `run` while it starts: it ends with 130 and without a fault. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createDeferred } from '../../src/domain/deferred.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { MEMORY, startInPipe, UNREACHABLE } from './support/ravenhelm.js';

/** What a program prints that ends by a fault of itself. */
const STACK = /\bat .*\.[jt]s:\d+|internal error/;
const INTERRUPTED = 128 + constants.signals.SIGINT;

let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
});
afterAll(() => clone.remove());

const run = (env: Readonly<Record<string, string>>, ...args: string[]) =>
  startInPipe(clone, ['run', 'missions/slow.yaml', '--workspace', 'cut', ...args], { ...UNREACHABLE, ...env });

test('while the program is being loaded', async () => {
  const started = run({}, ...MEMORY);
  started.child.kill('SIGINT');
  const { code, stderr } = await started.ended();
  // Its handlers are not there yet: then the signal itself ends it, which a shell reports as 130.
  const exitCode = code ?? (started.child.signalCode === 'SIGINT' ? INTERRUPTED : null);
  expect([exitCode, stderr]).toEqual([INTERRUPTED, '']);
  expect(existsSync(join(clone.dir, 'cut'))).toBe(false);
});

test('when it has said which log it takes', async () => {
  const started = run({}, ...MEMORY);
  await started.shows('log: in memory');
  started.child.kill('SIGINT');
  const { code, stdout, stderr } = await started.ended();
  expect(code).toBe(INTERRUPTED);
  expect(`${stdout}${stderr}`).not.toMatch(STACK);
});

test('while a broker that has taken the connection does not answer', async () => {
  const connected = createDeferred<void>();
  const server = createServer((socket) => {
    socket.on('error', () => undefined).on('data', () => connected.resolve());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const started = run({ KAFKA_BROKERS: `127.0.0.1:${port}` });
  await connected.promise;
  started.child.kill('SIGINT');
  const { code, stdout, stderr } = await started.ended();
  expect(code).toBe(INTERRUPTED);
  expect(`${stdout}${stderr}`).not.toMatch(STACK);
  expect(existsSync(join(clone.dir, 'cut'))).toBe(false);
  server.close();
});
