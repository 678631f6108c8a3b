import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeArguments } from '../../src/local/docker-engine.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { temporaryPlace, withProgram, world } from './stack-fixture.js';

let place: Awaited<ReturnType<typeof temporaryPlace>>;
let bin: string;
beforeEach(async () => {
  place = await temporaryPlace();
  bin = await mkdtemp(join(tmpdir(), 'ravenhelm-docker-'));
});
afterEach(async () => {
  await place.remove();
  await rm(bin, { recursive: true, force: true });
});

/** A docker command with an engine; compose and ps run the given scripts. */
async function stackWithDocker({ composeUp = 'exit 0', ps = '' }: { composeUp?: string; ps?: string }) {
  const script = `echo "$*" >> ${bin}/calls
case "$*" in
info*) echo 27.1.1;;
"compose version"*) echo 2.29.0;;
compose*\\ up\\ *) ${composeUp};;
compose*\\ ps\\ *) ;;
ps\\ *) echo "${ps}";;
esac`;
  return createLocalStack(place, { ...world, env: await withProgram(bin, 'docker', script) });
}

describe('the stack in Docker', () => {
  test('starts only the broker’s service, under this clone’s project name, and reports failures', async () => {
    const stack = await stackWithDocker({
      composeUp: 'echo "pulling redpanda" >&2; echo "no space left on device" >&2; exit 17',
    });
    const told: string[] = [];
    const failure = await stack.up({ progress: (line) => told.push(line) }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'start_failed',
      message: expect.stringContaining('(exit 17): no space left on device'),
    });
    expect(told).toContain('docker: pulling redpanda');
    const up = (await readFile(join(bin, 'calls'), 'utf8')).split('\n').find((call) => call.includes(' up '));
    expect(up).toMatch(
      new RegExp(
        String.raw`^compose -p ravenhelm-[0-9a-f]{8} -f .*/docker-compose\.redpanda\.yml up --detach ` +
          String.raw`--wait --wait-timeout \d+ redpanda$`,
      ),
    );
  });

  test('uses different projects for clones in directories of the same name', () => {
    const [one, two] = ['/a/swarm', '/b/swarm'].map((cloneDir) => composeArguments({ ...place, cloneDir }).slice(0, 3));
    expect(one).not.toEqual(two);
  });

  test('takes the files of the package where a project has it installed', () => {
    const { packageDir } = developmentPlace('/a/mine', '/a/mine/node_modules/ravenhelm');
    expect(composeArguments({ ...place, cloneDir: '/a/mine', packageDir }).slice(-1)).toEqual([
      '/a/mine/node_modules/ravenhelm/docker-compose.redpanda.yml',
    ]);
  });

  test.each(['', '/node_modules/ravenhelm'])(
    'names the clone or project whose container uses a port%s',
    async (inside) => {
      const stack = await stackWithDocker({ ps: `/home/somebody/swarm${inside}` });
      const script =
        `require('node:net').createServer().listen(${place.ports.broker}, '127.0.0.1', () => ` +
        `console.log('listening'))`;
      const proxy = spawn(process.execPath, ['-e', script, '--', 'docker-proxy'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(proxy.stdout, 'data');
      const failure = await stack.up({ progress: () => {} }).catch((error: unknown) => error);
      proxy.kill('SIGKILL');
      await once(proxy, 'exit');
      expect(failure).toMatchObject({
        code: 'foreign_stack',
        message: expect.stringContaining('/home/somebody/swarm uses port'),
        nextStep: expect.stringContaining('cd /home/somebody/swarm && npx ravenhelm stack down'),
      });
    },
  );
});
