import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentEvent } from '../../src/domain/events.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { LogRecord, Watch } from '../../src/ports/log.js';
import type { Logger } from '../../src/ports/logger.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';
import { testBroker, type TestBroker } from './broker.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

export interface SwarmProcess {
  readonly pid: number;
  /** What it wrote to stderr so far. */
  log(): string;
  /** SIGKILL, and wait for the end. */
  kill(): Promise<void>;
  /** SIGTERM, and the exit code. */
  terminate(): Promise<number | null>;
}

/** The built command line as real processes on the tests' broker, with their own agents, missions and prefix. */
export async function createSwarmProcesses(files: {
  readonly agents: Readonly<Record<string, string>>;
  readonly mission: string;
  /** Set beside, or instead of, the environment that these processes have by default; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Flags of every process. */
  readonly flags?: readonly string[];
  /** Default: the tests' own. */
  readonly broker?: TestBroker;
}) {
  const { brokers, registryUrl } = files.broker ?? testBroker();
  const ids = createSystemIds();
  const prefix = `e2e.${ids.uuid().slice(0, 8)}`;
  const topics = createTopicNames(prefix);
  const dir = await mkdtemp(join(tmpdir(), 'ravenhelm-e2e-'));
  await mkdir(join(dir, 'agents'));
  for (const [name, text] of Object.entries(files.agents)) await writeFile(join(dir, 'agents', `${name}.md`), text);
  await writeFile(join(dir, 'mission.yaml'), files.mission);
  const env: Record<string, string | undefined> = {
    PATH: process.env['PATH'],
    HOME: dir,
    KAFKA_BROKERS: brokers.join(','),
    SCHEMA_REGISTRY_URL: registryUrl,
    RAVENHELM_PREFIX: prefix,
    WORKSPACE_ROOT: join(dir, 'workspaces'),
    RAVENHELM_AGENTS_DIR: join(dir, 'agents'),
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    WORKER_MODELS: 'playbook',
    ...files.env,
  };
  const children = new Set<ChildProcess>();

  const start = (...args: string[]) => startOf(project, ...args);

  function startOf(build: string, ...args: string[]): SwarmProcess & { readonly child: ChildProcess } {
    const child = spawn(process.execPath, [join(build, 'bin/ravenhelm.js'), ...(files.flags ?? []), ...args], {
      cwd: dir,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const ended = once(child, 'exit').then(() => children.delete(child));
    const { pid } = child;
    if (pid === undefined) throw new Error('the process could not be started');
    return {
      child,
      pid,
      log: () => text,
      async kill() {
        child.kill('SIGKILL');
        await ended;
      },
      async terminate() {
        child.kill('SIGTERM');
        await ended;
        return child.exitCode;
      },
    };
  }

  async function runOf(
    build: string,
    ...args: string[]
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    const { child, log: stderr } = startOf(build, ...args);
    let stdout = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    await once(child, 'close');
    return { code: child.exitCode, stdout, stderr: stderr() };
  }

  const log = await createKafkaLog({
    brokers,
    clientId: 'e2e-test',
    registry: { url: registryUrl },
    schemasDir: join(project, 'schemas'),
    prefix,
    clock: createSystemClock(),
    ids,
    random: Math.random,
    logger: silent,
  });
  const events: AgentEvent[] = [];
  const values: Uint8Array[] = [];
  const waiting = new Set<() => void>();
  let watch: Watch | null = null;

  return {
    dir,
    topics,
    events,
    /** The same as they are on the broker. */
    values,
    /** Of the processes that are started from now on. */
    env,
    start,
    /** The program of another build, by its directory. */
    startOf,
    runOf,
    /** Runs a command to its end. */
    run: (...args: string[]) => runOf(project, ...args),
    /** Sees every event of the swarm; its topics must exist. */
    async watch(agents: readonly string[]): Promise<void> {
      watch = await log.watch({
        topics: [topics.coordination, topics.status, ...agents.map(topics.tasks)],
        from: 'beginning',
        onRecord(record: LogRecord) {
          if (record.content.kind === 'event') events.push(record.content.event);
          if (record.bytes?.value) values.push(record.bytes.value);
          for (const check of [...waiting]) check();
        },
        onFatal: (error) => {
          throw error;
        },
      });
    },
    until<T>(find: () => T | undefined): Promise<T> {
      return new Promise((resolve) => {
        const check = () => {
          const found = find();
          if (found === undefined) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      });
    },
    async close(): Promise<void> {
      for (const child of children) child.kill('SIGKILL');
      await watch?.stop();
      await log.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export type SwarmProcesses = Awaited<ReturnType<typeof createSwarmProcesses>>;
