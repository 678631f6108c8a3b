/** An engine in the real wire format that does nothing: it keeps what it was asked. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { PROJECT_LABEL, type Project } from '../../../src/tools/engine/project.js';
import type { EngineAddress } from '../../../src/tools/engine/upstream.js';
import type { World } from './table.js';

export interface Recorded {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

export interface RecordingEngine {
  readonly address: EngineAddress;
  readonly world: World;
  /** What was asked since the last call. */
  taken(): readonly Recorded[];
  close(): Promise<void>;
}

const OWN = 'a'.repeat(64);
const FOREIGN = 'f'.repeat(64);

export async function startRecordingEngine(directory: string, project: Project): Promise<RecordingEngine> {
  const world: World = {
    project,
    image: 'localhost/image:1',
    own: OWN,
    foreign: 'other-db-1',
    ownExec: '1'.repeat(64),
    foreignExec: '2'.repeat(64),
    network: `${project.name}_default`,
    foreignNetwork: 'other_default',
    volume: `${project.name}_data`,
    foreignVolume: 'other_data',
  };
  const has = objectsOf(world);
  let recorded: Recorded[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      recorded.push({ method, target: url, body: Buffer.concat(parts).toString('utf8') });
      const path = url.replace(/^\/v1\.\d+/, '').replace(/\?.*/, '');
      const found = method === 'GET' ? has.get(path) : {};
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found ?? { message: 'no such object' }));
    });
  });
  server.on('upgrade', ({ method = '', url = '', headers }, socket, head) => {
    const length = Number(headers['content-length'] ?? 0);
    recorded.push({ method, target: url, body: head.subarray(0, length).toString('utf8') });
    socket.write('HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n');
    socket.write('Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    socket.on('error', () => socket.destroy()); // the proxy breaks streams off
    // What the client sends comes back; its end is the end.
    socket.write(head.subarray(length));
    socket.pipe(socket);
  });
  const socketPath = join(directory, 'engine.sock');
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    address: { socketPath },
    world,
    taken() {
      const now = recorded;
      recorded = [];
      return now;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function objectsOf(world: World): ReadonlyMap<string, unknown> {
  const { project, own, foreign, ownExec, foreignExec, network, foreignNetwork, volume, foreignVolume } = world;
  const labels = (name: string) => ({ Labels: { [PROJECT_LABEL]: name } });
  const listed = (id: string, name: string) => ({ Id: id, State: 'running', ...labels(name) });
  const container = (id: string, name: string) => ({ Id: id, Config: { ...labels(name), User: '' }, Mounts: [] });
  const ownContainer = container(own, project.name);
  const foreignContainer = container(FOREIGN, 'other');
  const both = [labels(project.name), labels('other'), { Labels: null }];
  return new Map<string, unknown>([
    ...['/_ping', '/version'].map((path) => [path, {}] as const),
    ['/info', { ServerVersion: '1', Swarm: { RemoteManagers: ['secret'] }, RegistryConfig: { Mirrors: ['secret'] } }],
    [`/containers/${own}/json`, ownContainer],
    [`/containers/${own.slice(0, 12)}/json`, ownContainer],
    [`/containers/${foreign}/json`, foreignContainer],
    [`/containers/${FOREIGN}/json`, foreignContainer],
    [`/containers/${own}/logs`, {}],
    [`/exec/${ownExec}/json`, { ContainerID: own }],
    [`/exec/${foreignExec}/json`, { ContainerID: FOREIGN }],
    [
      '/containers/json',
      [listed(own, project.name), listed(FOREIGN, 'other'), { ...listed(FOREIGN, ''), Labels: null }],
    ],
    ['/networks', both],
    [`/networks/${network}`, labels(project.name)],
    [`/networks/${project.name}_made`, labels(project.name)],
    [`/networks/${foreignNetwork}`, labels('other')],
    ['/networks/host', { Labels: {} }],
    ['/volumes', { Volumes: both, Warnings: null }],
    [`/volumes/${volume}`, labels(project.name)],
    [`/volumes/${project.name}_made`, labels(project.name)],
    [`/volumes/${foreignVolume}`, labels('other')],
    ['/images/json', []],
    [`/images/${world.image}/json`, {}],
  ]);
}
