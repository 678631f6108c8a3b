import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { askBroker } from '../../src/kafka/ask-broker.js';
import { developmentPlace, type StackPlace, type StackWorld } from '../../src/local/stack-place.js';

export const world: StackWorld = {
  env: { ...process.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' }, // these tests need the Java stack
  clock: {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  },
  ids: { uuid: () => randomUUID() },
  askBroker,
};

/** A separate place: free ports and a temporary directory; remove() deletes it. */
export async function temporaryPlace(): Promise<StackPlace & { remove(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ravenhelm-local-'));
  const [broker = 0, controller = 0, registry = 0] = await freePorts(3);
  const place = { ...developmentPlace(resolve('.')), dataDir, ports: { broker, controller, registry } };
  return { ...place, remove: () => rm(dataDir, { recursive: true, force: true }) };
}

export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen({ port: 0, host: '127.0.0.1' }));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export function portOf(server: ReturnType<typeof createServer>): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address.port;
}

/** An environment in which a shell script replaces a program. */
export async function withProgram(directory: string, name: string, script: string): Promise<StackWorld['env']> {
  await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(directory, name), 0o755);
  return { ...world.env, PATH: `${directory}:${process.env['PATH']}` };
}
