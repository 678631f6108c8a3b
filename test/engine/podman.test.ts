/** The table of an engine's requests, and what a container gets in the end, on a real engine. */
import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { silentLogger } from '../../src/ports/logger.js';
import { createEngineProxy, type EngineProxy } from '../../src/tools/engine/proxy.js';
import { PROJECT_LABEL, type Project } from '../../src/tools/engine/project.js';
import { stopLeftWriters } from '../../src/tools/engine/writers.js';
import { send } from '../tools/engine/client.js';
import { allowedRows, refusedRows, type World } from '../tools/engine/table.js';
import { removeTemporaryDirectories, temporaryDirectory } from '../tools/harness.js';
import { IMAGE, startPodman, type RealPodman } from './real-podman.js';

const directory = temporaryDirectory();
const workspace = join(directory, 'workspace');
const { uid, gid } = process.getuid?.() === 0 ? SANDBOX_ACCOUNT : { uid: process.getuid?.(), gid: process.getgid?.() };
const project: Project = {
  name: 'ravenhelm-engine-test',
  workspace,
  holdsState: false,
  mayWrite: true,
  user: `${uid}:${gid}`,
  limits: { memory_mb: 512, processes: 64 },
};
const socket = join(directory, 'docker.sock');

const engine: RealPodman = await startPodman();
const world = await makeWorld(engine);
const proxy: EngineProxy = createEngineProxy({ engine: engine.address, project, logger: silentLogger });
await proxy.listen(socket);

afterAll(async () => {
  await proxy.close();
  await engine.close();
  removeTemporaryDirectories();
});

async function makeWorld({ podman, address, ulimits }: RealPodman): Promise<World> {
  mkdirSync(workspace);
  chownSync(workspace, uid ?? 0, gid ?? 0);
  const limits = ulimits.map(({ Name, Soft, Hard }) => `--ulimit=${Name}=${Soft}:${Hard}`);
  const labelled = (name: string) => ['--label', `${PROJECT_LABEL}=${name}`];
  const run = (name: string, label: string) =>
    podman('run', '--detach', '--network=none', ...limits, '--name', name, ...labelled(label), IMAGE, 'sleep', '1000');
  const network = `${project.name}_default`;
  const volume = `${project.name}_data`;
  await podman('network', 'create', ...labelled(project.name), network);
  await podman('network', 'create', ...labelled('other'), 'other_default');
  await podman('volume', 'create', ...labelled(project.name), volume);
  await podman('volume', 'create', ...labelled('other'), 'other_data');
  const own = await run(`${project.name}-own-1`, project.name);
  await run('other-db-1', 'other');
  const exec = async (container: string): Promise<string> => {
    const body = { Cmd: ['sleep', '20'] };
    const made = await send(address.socketPath, { method: 'POST', target: `/containers/${container}/exec`, body });
    return JSON.parse(made.body).Id;
  };
  return {
    ...{ project, image: IMAGE, own, foreign: 'other-db-1', network, foreignNetwork: 'other_default' },
    ...{ volume, foreignVolume: 'other_data', ownExec: await exec(own), foreignExec: await exec('other-db-1') },
  };
}

/** All that the engine has. */
async function everything(): Promise<string> {
  const lists = await Promise.all([
    engine.podman('ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Names}}'),
    engine.podman('network', 'ls', '--format', '{{.ID}} {{.Name}}'),
    engine.podman('volume', 'ls', '--format', '{{.Name}}'),
    engine.podman('images', '--format', '{{.ID}}'),
  ]);
  return lists.join('\n');
}

describe('a real engine', () => {
  let before = '';
  beforeAll(async () => {
    before = await everything();
  });

  test.each(refusedRows(world))('is not asked for $name', async (row) => {
    const { status, body } = await send(socket, row);
    expect([status, JSON.parse(body)]).toEqual([row.status, { message: expect.stringMatching(row.why) }]);
  });

  test('has nothing else after all that was refused', async () => {
    expect(await everything()).toBe(before);
  });

  const owner = async (command: string, HostConfig: object, User?: string) => {
    const name = `${project.name}-${Math.abs(command.length)}-${tries++}`;
    const made = await send(socket, {
      method: 'POST',
      target: `/v1.41/containers/create?name=${name}`,
      body: { Image: IMAGE, Cmd: ['sh', '-c', command], HostConfig: { ...HostConfig, Ulimits: engine.ulimits }, User },
    });
    expect(made).toMatchObject({ status: 201 });
    expect(await send(socket, { method: 'POST', target: `/containers/${name}/start` })).toMatchObject({ status: 204 });
    await send(socket, { method: 'POST', target: `/containers/${name}/wait` });
    const output = await engine.podman('logs', name);
    const [found] = JSON.parse(await engine.podman('inspect', name));
    // Its memory counts until it is removed.
    await engine.podman('rm', name);
    return { found, output };
  };
  let tries = 0;

  test('runs a container without privileges, network and the computer, within the limits of a call', async () => {
    const command = 'grep -e NoNewPrivs -e Seccomp: /proc/self/status; ls /sys/class/net; ls /';
    const { found, output } = await owner(command, {});
    expect(output).toMatch(/NoNewPrivs:\s1\nSeccomp:\s2\nlo\n/);
    expect(found.HostConfig).toMatchObject({
      Privileged: false,
      Memory: 128 * 1024 * 1024,
      PidsLimit: 64,
      NetworkMode: 'none',
    });
    expect(found.Mounts).toEqual([]);
  });

  test('shows a container the workspace as its owner', async () => {
    const { output } = await owner('id -u; touch /w/made; ls /w', { Binds: ['/workspace:/w'] }, project.user);
    expect(output).toBe(`${uid}\nmade`);
    expect(statSync(join(workspace, 'made')).uid).toBe(uid);
    const reading = await owner('touch /w/more || echo read-only', { Binds: ['/workspace:/w:ro'] });
    expect(reading.output).toMatch(/read-only$/);
  });

  test('stops a container that may write to the workspace when the call ends', async () => {
    const path = join(directory, 'call.sock');
    const call = createEngineProxy({ engine: engine.address, project, logger: silentLogger });
    await call.listen(path);
    const name = `${project.name}-writes`;
    const HostConfig = { Binds: ['/workspace:/w'], Ulimits: engine.ulimits };
    const body = { Image: IMAGE, Cmd: ['sleep', '1000'], User: project.user, HostConfig };
    expect(await send(path, { method: 'POST', target: `/containers/create?name=${name}`, body })).toMatchObject({
      status: 201,
    });
    await send(path, { method: 'POST', target: `/containers/${name}/start` });
    const state = () => engine.podman('inspect', name, '--format', '{{.State.Status}}');
    expect(await state()).toBe('running');
    await call.close();
    expect(await state()).toBe('exited');
    await engine.podman('start', name);
    await stopLeftWriters({ ok: true, value: engine.address }, 'engine-test');
    expect(await state()).toBe('exited');
    await engine.podman('rm', name);
  });

  test.each(allowedRows(world))('does $name', async (row) => {
    const { status, body } = await send(socket, row);
    expect({ status, body }).toEqual({ status: expect.any(Number), body: expect.not.stringContaining('ravenhelm: ') });
    if (row.status === undefined) expect([body, Math.floor(status / 100)]).toEqual([body, 2]);
    else expect(row.status).toContain(status);
  });

  const DOCKER = ['/usr/local/bin/docker', '/usr/bin/docker'].find((path) => existsSync(path));

  describe('with a docker client', () => {
    /** Its exit code and what it printed. */
    const docker = async (...args: readonly string[]) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: directory, DOCKER_HOST: `unix://${socket}` };
      const ended = await promisify(execFile)(DOCKER ?? 'docker', args, { env, encoding: 'utf8' }).then(
        (outputs) => ({ code: 0, ...outputs }),
        (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error,
      );
      return { code: ended.code, said: `${ended.stdout}${ended.stderr}`.trim() };
    };
    const limits = engine.ulimits.map(({ Name, Soft, Hard }) => `--ulimit=${Name}=${Soft}:${Hard}`);
    const name = `${project.name}-client`;
    const withDocker = DOCKER === undefined && process.env['CI'] === undefined ? test.skip : test;

    withDocker('a container of the project runs, is looked at, gets a command, stops and goes', async () => {
      const command = ['sh', '-c', 'echo from the container; touch /w/by-docker; sleep 1000'];
      const mount = ['--volume', '/workspace:/w', '--user', project.user];
      const run = [
        'run',
        '--detach',
        '--name',
        name,
        '--network',
        world.network,
        ...mount,
        ...limits,
        IMAGE,
        ...command,
      ];
      expect(await docker(...run)).toEqual({ code: 0, said: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect((await docker('ps', '--format', '{{.Names}}')).said.split('\n')).toContain(name);
      expect((await docker('ps', '--all', '--format', '{{.Names}}')).said).not.toContain('other-db-1');
      expect(await docker('inspect', name, '--format', '{{.State.Status}}')).toEqual({ code: 0, said: 'running' });
      expect(await docker('exec', name, 'id', '-u')).toEqual({ code: 0, said: String(uid) });
      expect((await docker('exec', name, 'sh', '-c', 'exit 7')).code).toBe(7);
      expect(await docker('logs', name)).toEqual({ code: 0, said: 'from the container' });
      expect(await docker('stop', '-t', '0', name)).toEqual({ code: 0, said: name });
      expect(await docker('start', name)).toEqual({ code: 0, said: name });
      expect(await docker('rm', '--force', name)).toEqual({ code: 0, said: name });
      expect(statSync(join(workspace, 'by-docker')).uid).toBe(uid);
    });

    withDocker.each([
      [['run', '--privileged', IMAGE, 'id'], 'it would give the container the whole computer'],
      [['run', '--network', 'host', IMAGE, 'id'], 'is refused'],
      [['run', '--pid', 'host', IMAGE, 'id'], 'a container has its own processes'],
      [['run', '--volume', '/etc:/e', IMAGE, 'id'], 'a container sees the whole workspace only'],
      [['inspect', '--type', 'container', 'other-db-1'], 'No such container'],
      [['exec', 'other-db-1', 'id'], 'No such container'],
      [['stop', 'other-db-1'], 'No such container'],
      [['pull', 'alpine'], 'neither pulled nor built'],
    ])('%j is refused, and the client prints why', async (args, why) => {
      const { code, said } = await docker(...args);
      expect(said).toContain(why);
      expect(code).not.toBe(0);
    });
  });

  test('still has what is another project’s', async () => {
    expect(await engine.podman('inspect', 'other-db-1', '--format', '{{.State.Status}}')).toBe('running');
    expect(await engine.podman('network', 'ls', '--format', '{{.Name}}')).toContain('other_default');
    expect(await engine.podman('volume', 'ls', '--format', '{{.Name}}')).toContain('other_data');
  });
});
