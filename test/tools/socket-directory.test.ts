import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { GATEWAY_SOCKETS } from '../../src/tools/network/gateway.js';
import { makeSocketDirectory, removeLeftDirectories } from '../../src/tools/socket-directory.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory } from './harness.js';
import { closeAll, testGateway, localhost } from './network/support.js';

afterEach(closeAll);
afterAll(removeTemporaryDirectories);

const asRoot = process.getuid?.() === 0 ? test : test.skip;

/** A process that listens on both sockets of a directory. */
async function listener(directory: string) {
  mkdirSync(directory);
  const script = `const { createServer } = require('node:net');
createServer().listen(process.argv[1] + '/proxy');
createServer().listen(process.argv[1] + '/direct', () => console.log('listening'));`;
  const child = spawn(process.execPath, ['-e', script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe("the directory of a gateway's sockets", () => {
  test('is in no directory that a sandbox mounts', async () => {
    const usual = await makeSocketDirectory(GATEWAY_SOCKETS, []);
    const place = resolve(usual.paths.proxy, '../..');
    await usual.remove();
    const other = await makeSocketDirectory(GATEWAY_SOCKETS, [place]);
    expect(other.paths.proxy.startsWith(`${place}/`)).toBe(false);
    await other.remove();
    await expect(makeSocketDirectory(GATEWAY_SOCKETS, ['/'])).rejects.toThrow(
      /sandboxes mount \/.*Set TMPDIR to a directory outside/,
    );
  });

  asRoot("stays root's, and lets the account open the sockets only", async () => {
    const gateway = await testGateway([localhost(1)], {}, { account: SANDBOX_ACCOUNT });
    const of = (path: string) => {
      const { uid, gid, mode } = statSync(path);
      return [uid, gid, (mode & 0o7777).toString(8)];
    };
    const { uid, gid } = SANDBOX_ACCOUNT;
    expect(of(resolve(gateway.proxy, '..'))).toEqual([0, gid, '710']);
    expect(of(gateway.proxy)).toEqual([uid, gid, '600']);
    expect(of(gateway.direct)).toEqual([uid, gid, '600']);
  });

  test('is removed by the next worker if its own was killed', async () => {
    const place = temporaryDirectory();
    const killed = await listener(join(place, 'ravenhelm-net-killed'));
    const living = await listener(join(place, 'ravenhelm-net-living'));
    for (const name of ['ravenhelm-net-new', 'another']) mkdirSync(join(place, name));
    mkdirSync(join(place, 'ravenhelm-net-files'));
    for (const name of ['proxy', 'direct', 'mine']) writeFileSync(join(place, 'ravenhelm-net-files', name), '');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await removeLeftDirectories(GATEWAY_SOCKETS, place);
    const rest = ['another', 'ravenhelm-net-living', 'ravenhelm-net-new'];
    living.kill('SIGKILL');
    await once(living, 'exit');
    expect(
      readdirSync(place)
        .filter((name) => name !== 'ravenhelm-net-files')
        .toSorted(),
    ).toEqual(rest);
    expect(readdirSync(join(place, 'ravenhelm-net-files')).toSorted()).toEqual(['direct', 'mine', 'proxy']);
  });
});

describe('the relay', () => {
  /** What it says first about a socket, in the network that this process is in. */
  async function answerAbout(path: string): Promise<string> {
    const relay = spawn('perl', ['-w', resolve('bin/ravenhelm-relay.pl')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const said = text(relay.stdout);
    relay.stdin.write(`machine ${process.arch}\nlisten 7f4d00fe 0 a.test:1 ${path}\npid ${process.pid}\n`);
    await once(relay.stdout, 'readable');
    relay.stdin.end();
    return said;
  }

  asRoot('is ready only if it can open the sockets, whose path may have blanks', async () => {
    const path = join(temporaryDirectory(), 'a b');
    expect(await answerAbout(path)).toBe(`cannot open the socket ${path}: No such file or directory\n`);
    const server = createServer((client) => client.destroy()).listen(path);
    await once(server, 'listening');
    expect(await answerAbout(path)).toBe('ready\n');
    server.close();
    await once(server, 'close');
  });
});

test.each(['/', '/dev'])(
  'a mission whose --workspace is %s, around a place of sockets, is refused',
  async (workspace) => {
    const { executor, task } = await createHarness();
    await expect(executor.prepareWorkspace({ ...task('around'), workspace })).rejects.toMatchObject({
      code: 'workspace',
      message: expect.stringMatching(/contains (?:\/\S*, where workers have sockets|the workspaces of other missions)/),
    });
  },
);
