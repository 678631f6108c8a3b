// npm run check: what can be said about the sources without running them.
import { parseArgs } from 'node:util';
import { runStages } from './steps/stages.mjs';

const bin = (name, ...args) => [`node_modules/.bin/${name}`, ...args];
const script = (name, ...args) => [process.execPath, `scripts/${name}.mjs`, ...args];

const STAGES = [
  {
    name: 'format',
    command: bin('biome', 'format'),
    advice: 'npm run format writes the format; long texts and comments are broken by hand.',
  },
  {
    name: 'lint',
    command: bin('oxlint', '--type-aware'),
    advice: 'The rules are in .oxlintrc.json, each one that is off with its reason.',
  },
  {
    name: 'unused',
    command: bin('knip', '--no-progress'),
    advice: 'Remove what is unused; knip.jsonc says where the program starts.',
  },
  { name: 'types', command: bin('tsc', '-p', 'tsconfig.json') },
  {
    name: 'figures',
    command: script('figures', '--check'),
    advice: 'Split the function, break the cycle or the line. npm run figures lists them.',
  },
  {
    name: 'words',
    command: script('check-words'),
    advice: 'Write what is behind the arrow, or a sentence that needs neither.',
  },
  { name: 'generated', command: script('generate', '--check') },
];
const NAMES = STAGES.map(({ name }) => name);

const HELP = `npm run check [-- STAGE…]: checks the sources without running them.

Stages: ${NAMES.join(', ')}; all of them unless some are named. It runs every stage, also after one failed.

Exit codes: 0 nothing found, 1 a stage failed, 2 wrong use.
`;

const { values, positionals } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !NAMES.includes(name));
if (values.help) {
  process.stdout.write(HELP);
} else if (unknown.length > 0) {
  process.stderr.write(`No such stage: ${unknown.join(', ')}\n${HELP}`);
  process.exitCode = 2;
} else {
  const failed = await runStages(STAGES.filter(({ name }) => positionals.length === 0 || positionals.includes(name)));
  process.stdout.write(failed.length === 0 ? 'check passed\n' : `check failed: ${failed.join(', ')}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
