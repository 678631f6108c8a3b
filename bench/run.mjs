// npm run bench: see bench/README.md. Measures the product as it is built: the roles run from dist/.
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from '@swc/core';
import { build } from '../scripts/steps/build.mjs';
import { startTestBroker } from '../test/support/start-broker.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const out = join(root, '.ravenhelm/bench');

/** Beside the compiled benches lies dist/ under the name src/, so that what they import is what users run. */
async function compileBenches() {
  await rm(out, { recursive: true, force: true });
  const files = (await readdir(join(root, 'bench'), { recursive: true })).filter((path) => path.endsWith('.ts'));
  await Promise.all(
    files.map(async (path) => {
      const { code } = await transform(await readFile(join(root, 'bench', path), 'utf8'), {
        filename: path,
        sourceMaps: 'inline',
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
      });
      const target = join(out, 'bench', path.replace(/\.ts$/, '.js'));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, code);
    }),
  );
  await symlink(join(root, 'dist'), join(out, 'src'));
}

/** The given broker and registry, or some that live as long as this process. */
async function findCluster() {
  const { RAVENHELM_TEST_BROKERS: brokers, RAVENHELM_TEST_REGISTRY: registryUrl } = process.env;
  if (brokers !== undefined && registryUrl !== undefined)
    return { brokers: brokers.split(','), registryUrl, stop: async () => {} };
  const started = await startTestBroker();
  if (started.kind === 'none')
    throw new Error(
      `There is no broker to measure on: ${started.reason}. Run npm run setup, or set RAVENHELM_TEST_BROKERS and ` +
        'RAVENHELM_TEST_REGISTRY.',
    );
  return started;
}

await build();
await compileBenches();
const { main } = await import(pathToFileURL(join(out, 'bench/cli.js')).href);
process.exitCode = await main(process.argv.slice(2), {
  projectDir: root,
  findCluster,
  onInterrupt: (listener) => ['SIGINT', 'SIGTERM'].forEach((signal) => process.once(signal, listener)),
});
process.exit(); // an interrupted bench has left its part in the middle
