// npm run chaos: see test/README.md.
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '../../scripts/steps/build.mjs';
import { root, StepFailed } from '../../scripts/steps/run.mjs';
import { compileSources } from '../simulation/compile.mjs';

const compiled = join(root, '.ravenhelm/chaos');
try {
  await build(); // the processes under test start as users start them: from dist/
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.stderr.write(`The build failed: ${error.message}\n→ ${error.nextStep}\n`);
  process.exit(3);
}
await compileSources(compiled, ['src', 'test/chaos']);
// The batches that the Java client has written.
await rm(join(compiled, 'test/kafka/fixtures'), { force: true });
await symlink(join(root, 'test/kafka/fixtures'), join(compiled, 'test/kafka/fixtures'));
const { main } = await import(pathToFileURL(join(compiled, 'test/chaos/cli.js')).href);
process.exitCode = await main(process.argv.slice(2), root);
process.exit();
