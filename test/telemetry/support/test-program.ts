/** Programs that only tests of telemetry need: fetched on first use by the test run (scripts/test-program.mjs). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { until } from '../../contract/until.js';

const outcome = z.union([z.strictObject({ path: z.string() }), z.strictObject({ reason: z.string() })]);
/** Where it is, or why there is none. */
type TestProgram = z.infer<typeof outcome>;

/** May take minutes: await it at the top of a module, where no time limit of a test counts. */
export async function findTestProgram(name: 'collector' | 'prometheus'): Promise<TestProgram> {
  const child = spawn(process.execPath, ['scripts/test-program.mjs', name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (exitCode !== 0) throw new Error(`scripts/test-program.mjs ${name} exited with ${exitCode}`);
  const found = outcome.parse(JSON.parse(output));
  if ('reason' in found) process.stderr.write(`Tests are skipped: ${found.reason}\n`);
  return found;
}

/** describe() for tests that need the program: skipped without it; where CI says that it must be there, they fail. */
export function describeWith(program: TestProgram): (name: string, body: () => void) => void {
  return (name, body) => {
    if ('path' in program) return describe(name, body);
    if (process.env['RAVENHELM_TEST_PROGRAMS'] === '1')
      test(name, () => {
        throw new Error(`RAVENHELM_TEST_PROGRAMS=1, and ${program.reason}`);
      });
    else describe.skip(`${name} [${program.reason}]`, body);
  };
}

export function pathOf(program: TestProgram): string {
  if ('path' in program) return program.path;
  throw new Error(program.reason);
}

export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts a server on a free loopback port and waits until it is ready. Another process may take the port meanwhile:
 * then the server ends, and is started on another one.
 */
export async function startServer(
  start: (port: number) => Promise<readonly [string, ...string[]]>,
  isReady: (url: string) => Promise<boolean>,
): Promise<RunningServer> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const [command, ...args] = await start(port);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    const closed = once(child, 'close');
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    const stop = async () => {
      child.kill('SIGTERM');
      await closed;
    };
    const url = `http://127.0.0.1:${port}`;
    const ready = async () => hasEnded() || ((await isReady(url)) && !hasEnded());
    await until(`${command} is ready`, ready).catch(async (error: unknown) => {
      await stop();
      throw new Error(`${String(error)}: ${(await output).join('')}`);
    });
    if (!hasEnded()) return { url, stop };
    const log = (await output).join('');
    if (!log.includes('address already in use') || tries === 3) throw new Error(`${command} ended: ${log}`);
  }
}

/** Whether it answers with 200; false where nothing listens yet. */
export async function answersOk(url: string, request: RequestInit = {}): Promise<boolean> {
  try {
    const answer = await fetch(url, request);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch (error) {
    // fetch's word for a connection that was refused or broke. Its errors are not of this realm's classes in jest.
    if (isNativeError(error) && error.name === 'TypeError') return false;
    throw error;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}
