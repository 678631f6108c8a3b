// npm run bench: see bench/README.md. Measures the product as it is built: the roles run from dist/.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '../scripts/steps/build.mjs';
import { root } from '../scripts/steps/run.mjs';
import { compileBesideDist } from '../test/simulation/compile.mjs';
import { startTestBroker } from '../test/support/start-broker.mjs';

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
const compiled = await compileBesideDist(join(root, '.ravenhelm/bench'), ['bench']);
const { main } = await import(pathToFileURL(join(compiled, 'bench/cli.js')).href);
process.exitCode = await main(process.argv.slice(2), {
  projectDir: root,
  findCluster,
  onInterrupt: (listener) => ['SIGINT', 'SIGTERM'].forEach((signal) => process.once(signal, listener)),
});
process.exit(); // an interrupted bench has left its part in the middle
