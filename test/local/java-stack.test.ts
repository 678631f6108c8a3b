import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { jest } from '@jest/globals';
import { chooseJava } from '../../src/local/choose-stack.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { newClusterId } from '../../src/local/kafka-broker.js';
import { signalProcess } from '../../src/local/os-process.js';
import { askBroker } from '../../src/kafka/ask-broker.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { temporaryPlace, withProgram, world } from './stack-fixture.js';

/** A start takes seconds, on a busy computer a minute; the stack itself gives up after three. */
jest.setTimeout(400_000);

const choice = await chooseJava(developmentPlace(resolve('.')), world.env, 'these tests are about the Java stack');
const describeWithJava = (name: string, body: () => void) =>
  choice.kind === 'java' ? describe(name, body) : describe.skip(`${name} [${choice.reason}]`, body);

/** One real stack for all tests of this file, because a start takes seconds; the tests run in order. */
describeWithJava('the Java stack', () => {
  let place: Awaited<ReturnType<typeof temporaryPlace>>;
  beforeAll(async () => {
    place = await temporaryPlace();
  });
  afterAll(async () => {
    await stack().down();
    await place.remove();
  });

  /** The stack from the view of another process: only the directory is shared. */
  const stack = () => createLocalStack(place, world);
  const pids = async () => Object.fromEntries((await stack().status()).services.map(({ name, pid }) => [name, pid]));
  const pidFile = (name: string) => join(place.dataDir, `${name}.pid`);
  const subjects = `/subjects/ravenhelm.Hello/versions`;

  async function schemaId(registryUrl: string): Promise<unknown> {
    const schema = JSON.stringify({ type: 'record', name: 'Hello', namespace: 'ravenhelm', fields: [] });
    const response = await fetch(`${registryUrl}${subjects}`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema }),
    });
    const answer: unknown = await response.json();
    expect({ status: response.status, answer }).toMatchObject({ status: 200 }); // its answer says why not
    return answer;
  }

  test('is started once by two processes that start it at the same time', async () => {
    const told: string[] = [];
    const progress = (line: string) => told.push(line);
    const running = await Promise.all([stack().up({ progress }), stack().up({ progress })]);
    expect(running.map(({ started }) => started).sort()).toEqual([false, true]);
    expect(running.map(({ kind }) => kind)).toEqual(['java', 'java']);
    expect(told.filter((line) => line.includes('starting Apache Kafka'))).toHaveLength(1);
    expect(told.filter((line) => line.includes('another process is starting'))).toHaveLength(1);
    expect(await stack().status()).toMatchObject({ state: 'up', kind: 'java', conflicts: [] });
  });

  test('runs in a separate session, so that Ctrl-C in the terminal does not stop it', async () => {
    for (const pid of Object.values(await pids())) {
      const [, , , , group, session] = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/\(.*\)/, '()').split(' ');
      expect({ group, session }).toEqual({ group: String(pid), session: String(pid) });
    }
  });

  test('passes no API keys to processes that outlive the swarm', async () => {
    for (const pid of Object.values(await pids())) {
      const names = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').map((entry) => entry.split('=')[0]);
      expect(names).toContain('PATH');
      expect(names.filter((name) => /KEY|TOKEN|SECRET|JEST/.test(name ?? ''))).toEqual([]);
    }
  });

  test('is found by its port if a killed process left no pid, or a stale one', async () => {
    const before = await pids();
    await writeFile(pidFile('broker'), `${process.pid}\n`); // a pid that lives, but is no broker
    await writeFile(pidFile('registry'), 'not a pid');
    expect(await pids()).toEqual(before);
    expect(await readFile(pidFile('broker'), 'utf8')).toBe(`${before['broker']}\n`);
  });

  test('a service that died is started again while the other keeps running, and schemas keep their ids', async () => {
    const { registryUrl } = await stack().up({ progress: () => {} });
    const id = await schemaId(registryUrl);
    const before = await pids();
    signalProcess(before['registry'] ?? 0, 'SIGKILL');
    const told: string[] = [];
    expect(await stack().up({ progress: (line) => told.push(line) })).toMatchObject({ started: true });
    const after = await pids();
    expect(after['broker']).toBe(before['broker']);
    expect(after['registry']).not.toBe(before['registry']);
    expect(told.filter((line) => line.includes('broker'))).toEqual([]);
    expect(await schemaId(registryUrl)).toEqual(id);
  });

  test('stops on stack down and keeps its data for the next start', async () => {
    const clusterId = await askBroker([`localhost:${place.ports.broker}`]);
    expect(await stack().down()).toEqual(['broker', 'registry']);
    expect(await stack().status()).toMatchObject({ state: 'down', kind: null, conflicts: [] });
    expect(await readFile(join(place.dataDir, 'cluster-id'), 'utf8')).toBe(`${clusterId}\n`);
    expect(await stack().down()).toEqual([]);
  });

  test('a stale pid that now belongs to another process is neither used nor killed', async () => {
    await writeFile(pidFile('broker'), `${process.pid}\n`);
    expect(await stack().status()).toMatchObject({ state: 'down' });
    expect(await stack().down()).toEqual([]);
  });

  test('a service that cannot start is reported with the end of its log, and the other one is stopped', async () => {
    const meta = join(place.dataDir, 'kafka/meta.properties');
    await writeFile(meta, (await readFile(meta, 'utf8')).replace('node.id=1', 'node.id=7'));
    const failure = await stack()
      .up({ progress: () => {} })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'start_failed',
      message: expect.stringMatching(/Apache Kafka .* ended during the start[^]*Stored node id 7/),
    });
    expect(failure).toMatchObject({ nextStep: expect.stringContaining(join(place.dataDir, 'broker.log')) });
    expect(await stack().status()).toMatchObject({ state: 'down' });
  });

  test('if the broker’s files cannot be created, the registry of the same start is stopped', async () => {
    const other = await temporaryPlace();
    const failing = createLocalStack(other, world);
    try {
      await mkdir(join(other.dataDir, 'server.properties'));
      await expect(failing.up({ progress: () => {} })).rejects.toMatchObject({ code: 'directory_unusable' });
      expect(await failing.status()).toMatchObject({ state: 'down', conflicts: [] });
    } finally {
      await failing.down();
      await other.remove();
    }
  });

  test('says that a port was taken when it was free at first and the service finds it used', async () => {
    const other = await temporaryPlace();
    const java = join(other.dataDir, 'java/bin/java');
    await mkdir(dirname(java), { recursive: true });
    const env = await withProgram(
      dirname(java),
      'java',
      [
        'case "$*" in',
        `*-version*) echo 'openjdk version "21.0.1"' >&2 ;;`,
        '*StorageTool*) ;;',
        '*) echo "java.net.BindException: Address already in use"; exit 1 ;;',
        'esac',
      ].join('\n'),
    );
    const racing = createLocalStack(other, { ...world, env: { ...env, JAVA_HOME: join(other.dataDir, 'java') } });
    try {
      await expect(racing.up({ progress: () => {} })).rejects.toMatchObject({
        code: 'ports_taken',
        nextStep: expect.stringContaining('try again: npx ravenhelm stack up'),
      });
    } finally {
      await racing.down();
      await other.remove();
    }
  });

  test('of two clones that start at once, none is advised to delete data or uses the other’s services', async () => {
    const one = await temporaryPlace();
    const two = await temporaryPlace();
    const clones = [one, { ...two, ports: one.ports }].map((at) => createLocalStack(at, world));
    try {
      const outcomes = await Promise.allSettled(clones.map((clone) => clone.up({ progress: () => {} })));
      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(failures.length).toBeGreaterThan(0);
      for (const failure of failures) expect(failure.nextStep).not.toContain('delete');
      const states = await Promise.all(clones.map(async (clone) => (await clone.status()).state));
      expect(states).toEqual(outcomes.map(({ status }) => (status === 'fulfilled' ? 'up' : 'down')));
    } finally {
      for (const clone of clones) await clone.down();
      await Promise.all([one.remove(), two.remove()]);
    }
  });
});

describe('a cluster id', () => {
  test('is 16 bytes in URL-safe base64, and never looks like an option', () => {
    expect(newClusterId('fbffffff-ffff-4fff-bfff-ffffffffffff')).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
  });
});
