// npm run test:slow: the checks that take too long for .ci/run. Two to three hours on two cores.
import { runStages } from './steps/stages.mjs';

const npm = (name, ...args) => ({ name, command: ['npm', 'run', '-s', ...args] });
const failed = await runStages([
  npm('simulation, many seeds', 'simulate', '--', '--seeds', '20000', '--fresh'),
  npm('mutation check, seeds found again', 'simulate', '--', '--mutants'),
  npm('chaos, half an hour', 'chaos', '--', '--minutes', '30'),
  npm('a real Ollama', 'test:ollama'),
]);
process.stdout.write(failed.length === 0 ? 'test:slow passed\n' : `test:slow failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
