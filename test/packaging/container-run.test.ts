import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { execa } from 'execa';

let bin: string;
beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'ravenhelm-engine-'));
  await writeFile(join(bin, 'package.json'), '{ "type": "commonjs" }');
});
afterEach(() => rm(bin, { recursive: true, force: true }));

/** A fake engine or tool: a node script with `args`, whose calls are written down. */
async function program(name: string, script: string): Promise<void> {
  const text = `#!${process.execPath}
    const args = process.argv.slice(2);
    const call = [${JSON.stringify(name)}, ...args].join(' ');
    require('node:fs').appendFileSync(${JSON.stringify(join(bin, 'calls'))}, call + '\\n');
    ${script}
  `;
  await writeFile(join(bin, name), text);
  await chmod(join(bin, name), 0o755);
}

const calls = async () => (await readFile(join(bin, 'calls'), 'utf8')).trim().split('\n');

/** Starts the program of npm run test:container with only the fake programs on its PATH. */
const start = (...args: readonly string[]) =>
  execa(process.execPath, [resolve('test/container/run.mjs'), ...args], {
    env: { PATH: bin },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });

const PODMAN_INFO = JSON.stringify({
  host: { cgroupVersion: 'v1', ociRuntime: { name: 'crun' } },
  version: { Version: '4.3.1' },
});

/** podman that has the base image and does as `build` says. */
const podman = (build: string) =>
  program(
    'podman',
    `if (args[0] === 'info') console.log(${JSON.stringify(PODMAN_INFO)});
     else if (args.includes('--external')) console.log('left-by-build');
     else if (args.includes('build')) { ${build} }`,
  );

describe('npm run test:container', () => {
  test('says what it does', async () => {
    const { exitCode, stdout } = await start('--help');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('--engine');
    expect(stdout).toContain('Exit codes');
  });

  test.each([[['--engin', 'podman']], [['--engine', 'lxc']], [['now']]])('%j is wrong use', async (args) => {
    const { exitCode, stderr } = await start(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--help');
  });

  test('without an engine it exits with 2 and names what to install', async () => {
    const { exitCode, stderr } = await start();
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Neither a Docker engine nor podman');
    expect(stderr).toContain('apt-get install -y --no-install-recommends podman');
  });

  test('a docker command without an engine is not used', async () => {
    await program('docker', 'process.exit(1);');
    await podman('process.exit(125);');
    expect((await start()).stdout).toContain('podman 4.3.1');
  });

  test('a failed build shows its output, exits with 1 and removes what it may have left', async () => {
    await podman("console.error('no space left on device'); process.exit(125);");
    const { exitCode, stdout, stderr } = await start();
    expect(exitCode).toBe(1);
    expect(stdout).toContain('FAIL  the image builds');
    expect(stderr).toContain('no space left on device');
    const image = /--tag (\S+)/.exec((await calls()).join('\n'))?.[1];
    const removed = (await calls()).filter((call) => call.includes(' image rm '));
    expect(removed.map((call) => call.split(' ').at(-1))).toEqual([image, `${image}-base`]);
  });

  test('asks podman for the format that keeps the HEALTHCHECK, and for the runtime that takes cgroups v1', async () => {
    await podman('process.exit(125);');
    await start();
    const build = (await calls()).find((call) => call.includes(' build '));
    expect(build).toContain('--format docker');
    expect(build).toContain('--runtime=runc');
    expect(build).toContain('--network=host');
  });

  test('an interruption ends the build and removes what it may have left', async () => {
    await podman(`require('node:fs').writeFileSync(${JSON.stringify(join(bin, 'building'))}, String(process.pid));
      setInterval(() => {}, 1000);`);
    const running = start();
    await until(() => readFile(join(bin, 'building'), 'utf8'));
    const builder = Number(await readFile(join(bin, 'building'), 'utf8'));
    running.kill('SIGINT');
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('interrupted');
    expect(() => process.kill(builder, 0)).toThrow('ESRCH');
    expect((await calls()).at(-1)).toContain(' image rm ');
    expect(await calls()).toContainEqual(expect.stringMatching(/ rm --force left-by-build$/));
  });
});

/** Resolves when ask() does; the test's own time limit ends it otherwise. */
async function until(ask: () => Promise<string>): Promise<void> {
  for (;;) {
    const text = await ask().catch(() => '');
    if (text !== '') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
