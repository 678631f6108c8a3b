// npm run test:slow: the checks that take too long for .ci/run. Three to four hours on two cores.
import { runStages } from './steps/stages.mjs';

const npm = (name, ...args) => ({ name, command: ['npm', 'run', '-s', ...args] });
const failed = await runStages([
  npm('simulation, many seeds', 'simulate', '--', '--seeds', '20000', '--fresh'),
  npm('mutation check, seeds found again', 'simulate', '--', '--mutants'),
  npm('chaos, half an hour', 'chaos', '--', '--minutes', '30'),
  npm('a real Ollama', 'test:ollama'),
  npm('real servers with the API of OpenAI, those that are installed', 'test:servers'),
  npm('a real container engine', 'test:engine'),
  npm('the image, without root and with a read-only root file system', 'test:container'),
  {
    name: 'the contract of the log on topics of each compression.type',
    command: ['npm', 'test', '--', 'test/kafka/recompressed'],
    env: { ...process.env, RAVENHELM_TEST_EVERY_CODEC: '1' },
  },
  {
    name: 'races of links, 40,000 reads and 40,000 writes',
    command: ['npm', 'test', '--', 'test/security/races'],
    env: { ...process.env, RAVENHELM_TEST_RACE_TRIES: '40000' },
  },
]);
process.stdout.write(failed.length === 0 ? 'test:slow passed\n' : `test:slow failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
