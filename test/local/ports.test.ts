import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { findConflicts, conflictError } from '../../src/local/port-conflict.js';
import { findPortHolder, isPortTaken } from '../../src/local/port-holder.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { markerArguments } from '../../src/local/process-marker.js';
import { StackError } from '../../src/local/stack-error.js';
import type { StackPlace } from '../../src/local/stack-place.js';
import { portOf, temporaryPlace, world } from './stack-fixture.js';

const servers: Server[] = [];
const children: ChildProcess[] = [];
const places: { remove(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => once(server.close(), 'close')));
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await Promise.all(places.splice(0).map((place) => place.remove()));
});

async function listen(port: number, host: string): Promise<number> {
  const server = createServer().listen({ port, host });
  servers.push(server);
  await once(server, 'listening');
  return portOf(server);
}

/** Another process that listens on a port; its command line ends with the given words. */
async function listenElsewhere(port: number, words: readonly string[] = []): Promise<number> {
  const script = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('listening'))`;
  const child = spawn(process.execPath, ['-e', script, '--', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  if (child.pid === undefined) throw new Error('not started');
  return child.pid;
}

async function place(): Promise<StackPlace> {
  const made = await temporaryPlace();
  places.push(made);
  return made;
}

describe('a port', () => {
  test('is in use by a listener on the loopback address or on all addresses', async () => {
    expect(await isPortTaken(await listen(0, '127.0.0.1'))).toBe(true);
    expect(await isPortTaken(await listen(0, '0.0.0.0'))).toBe(true);
    expect(await isPortTaken(await listen(0, '::'))).toBe(true);
  });

  test('is free if no process listens', async () => {
    expect(await isPortTaken((await place()).ports.broker)).toBe(false);
  });

  test('is reported with the pid and command line of its process', async () => {
    const { ports } = await place();
    const pid = await listenElsewhere(ports.broker, ['some', 'program']);
    expect(await findPortHolder(ports.broker)).toEqual({ pid, command: expect.stringContaining('some program') });
    expect(await findPortHolder(ports.registry)).toBeNull();
  });
});

describe('starting the stack on a port in use', () => {
  test('starts nothing and names the process that uses it', async () => {
    const at = await place();
    const pid = await listenElsewhere(at.ports.registry);
    const progress: string[] = [];
    const failure = await createLocalStack(at, world)
      .up({ progress: (line) => progress.push(line) })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StackError);
    expect(failure).toMatchObject({
      code: 'ports_taken',
      message: expect.stringContaining(`port ${at.ports.registry} is used by pid ${pid}`),
      nextStep: expect.stringContaining('KAFKA_BROKERS'),
    });
    expect(failure).toMatchObject({ message: expect.stringContaining(`(${process.execPath} -e`) });
    expect(progress).toEqual([]);
  });

  test('does not silently use another clone’s stack: it names that clone and both solutions', async () => {
    const at = await place();
    const other = {
      ...at,
      cloneDir: '/home/somebody/other clone',
      dataDir: '/home/somebody/other clone/.ravenhelm/stack',
    };
    await listenElsewhere(at.ports.broker, markerArguments(other, 'broker'));
    const failure = await createLocalStack(at, world)
      .up({ progress: () => {} })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'foreign_stack',
      message: expect.stringContaining('/home/somebody/other clone uses port'),
      nextStep: expect.stringMatching(
        /cd '\/home\/somebody\/other clone' && npx ravenhelm stack down[^]*KAFKA_BROKERS and SCHEMA_REGISTRY_URL/,
      ),
    });
  });

  test('stack down does not stop another clone’s processes', async () => {
    const at = await place();
    const other = { ...at, cloneDir: '/other', dataDir: '/other/.ravenhelm/stack' };
    const pid = await listenElsewhere(at.ports.broker, markerArguments(other, 'broker'));
    expect(await createLocalStack(at, world).down()).toEqual([]);
    expect(await findPortHolder(at.ports.broker)).toMatchObject({ pid });
  });

  test('the status of a stopped stack lists the processes on its ports', async () => {
    const at = await place();
    const pid = await listenElsewhere(at.ports.controller);
    expect(await createLocalStack(at, world).status()).toMatchObject({
      state: 'down',
      kind: null,
      conflicts: [{ port: at.ports.controller, pid, cloneDir: null }],
    });
  });

  test('a port is reported even if the system does not show its process', () => {
    const error = conflictError([{ port: 19092, pid: null, command: null, cloneDir: null }]);
    expect(error.message).toContain('port 19092 is used by a process of another user');
  });

  test('free ports are not a conflict', async () => {
    const { ports } = await place();
    expect(await findConflicts([ports.broker, ports.controller, ports.registry], world.env)).toEqual([]);
  });
});
