/** Other systems that run the same missions, in turns with the swarm: those of bench/peers that can be started here. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { closeOnce } from './closing.js';

export interface PeerMission {
  readonly waves: number;
  /** Of each wave. */
  readonly tasks: number;
}

export interface Peer {
  readonly name: string;
  /** Resolves with its milliseconds. */
  run(mission: PeerMission): Promise<number>;
  close(): Promise<void>;
}

export interface Peers {
  readonly running: readonly Peer[];
  /** Why others are not. */
  readonly skipped: readonly string[];
}

/** How a system is started. */
interface System {
  readonly name: string;
  /** Its directory in bench/peers. */
  readonly directory: string;
  /** Why it cannot be started here; null: it can. */
  missing(dir: string): string | null;
  /** Starts its server and its worker; resolves with the port that the driver takes. */
  start(dir: string, data: string, started: (child: ChildProcess) => void): Promise<number>;
}

const BULLMQ: System = {
  name: 'BullMQ on Redis, append-only file synced every second',
  directory: 'bullmq',
  missing: () => (inPath('redis-server') === null ? 'redis-server is not installed' : null),
  async start(dir, data, started) {
    const port = await freePort();
    const settings = { port, dir: data, appendonly: 'yes', appendfsync: 'everysec', save: '' };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    started(spawn('redis-server', [...args, '--bind', '127.0.0.1'], { stdio: 'ignore' }));
    await listening(port);
    started(await ready(script(dir, 'worker.mjs', port)));
    return port;
  },
};

const RESTATE: System = {
  name: 'Restate',
  directory: 'restate',
  missing: (dir) => (existsSync(restateServer(dir)) ? null : 'it has no server for this kind of computer'),
  async start(dir, data, started) {
    const [ingress, admin, node, worker] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const env = {
      ...process.env,
      RESTATE_INGRESS__BIND_PORT: String(ingress),
      RESTATE_ADMIN__BIND_PORT: String(admin),
      RESTATE_BIND_PORT: String(node),
      RESTATE_BIND_IP: '127.0.0.1',
      RESTATE_LISTEN_MODE: 'tcp',
      RESTATE_BASE_DIR: data,
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'error',
    };
    started(spawn(restateServer(dir), [], { env, cwd: data, stdio: 'ignore' }));
    started(await ready(script(dir, 'worker.mjs', worker)));
    await listening(admin);
    await listening(ingress);
    const response = await fetch(`http://127.0.0.1:${admin}/deployments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ uri: `http://127.0.0.1:${worker}` }),
    });
    if (!response.ok) throw new Error(`Restate answered ${response.status}: ${await response.text()}`);
    return ingress;
  },
};

const restateServer = (dir: string): string => {
  const of = `${process.platform}-${process.arch}`;
  return join(dir, `node_modules/@restatedev/restate-server-${of}/bin/restate-server`);
};

/** @param peersDir bench/peers */
export async function startPeers(peersDir: string): Promise<Peers> {
  const running: Peer[] = [];
  const skipped: string[] = [];
  for (const system of [BULLMQ, RESTATE]) {
    const dir = join(peersDir, system.directory);
    const why = existsSync(join(dir, 'node_modules'))
      ? system.missing(dir)
      : `run npm install --prefix bench/peers/${system.directory}`;
    if (why === null) running.push(await startPeer(system, dir));
    else skipped.push(`${system.name} was not measured: ${why}`);
  }
  return { running, skipped };
}

async function startPeer(system: System, dir: string): Promise<Peer> {
  const data = await mkdtemp(join(tmpdir(), 'ravenhelm-bench-'));
  const children: ChildProcess[] = [];
  const close = closeOnce(async () => {
    // The last one first: a worker whose server is gone only writes errors.
    for (const child of children.reverse()) await ended(child);
    await rm(data, { recursive: true, force: true });
  });
  const port = await system.start(dir, data, (child) => void children.push(child));
  const driver = await ready(script(dir, 'driver.mjs', port));
  children.push(driver);
  return {
    name: system.name,
    async run(mission) {
      const startedMs = performance.now();
      driver.send(mission);
      await answer(driver);
      return performance.now() - startedMs;
    },
    close,
  };
}

/** What it says on its standard output is no part of the bench's. */
function script(dir: string, name: string, port: number): ChildProcess {
  return fork(join(dir, name), [String(port)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

async function ready(child: ChildProcess): Promise<ChildProcess> {
  await answer(child);
  return child;
}

async function answer(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${child.spawnargs.join(' ')} has ended with ${String(code)}`);
  });
  await Promise.race([once(child, 'message'), gone]);
  gone.catch(() => undefined); // it ends when it is no longer needed
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

function inPath(program: string): string | null {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.map((directory) => join(directory, program)).find((file) => existsSync(file)) ?? null;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const PATIENCE_MS = 120_000;

/** Resolves when a connection to the port is accepted. */
async function listening(port: number): Promise<void> {
  const startedMs = performance.now();
  for (;;) {
    const socket = createConnection({ host: '127.0.0.1', port });
    const accepted = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (accepted) return;
    if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`nothing listens at port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
