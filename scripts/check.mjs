// npm run check: what can be said about the sources without running them. Prints the seconds of each stage.
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { root } from './steps/run.mjs';

const bin = (name, ...args) => [`node_modules/.bin/${name}`, ...args];
const script = (name, ...args) => [process.execPath, `scripts/${name}.mjs`, ...args];

/** By name: the command, and what a person does about its findings. */
const STAGES = {
  format: [bin('biome', 'format'), 'npm run format writes the format; long texts and comments are broken by hand.'],
  lint: [bin('oxlint', '--type-aware'), 'The rules are in .oxlintrc.json, each one that is off with its reason.'],
  unused: [bin('knip', '--no-progress'), 'Remove what is unused; knip.jsonc says where the program starts.'],
  types: [bin('tsc', '-p', 'tsconfig.json'), null],
  figures: [
    script('figures', '--check'),
    'Split the function, break the cycle or the line. npm run figures lists them.',
  ],
  words: [script('check-words'), 'Write what stands behind the arrow, or a sentence that needs neither.'],
};

const HELP = `npm run check [-- STAGE…]: checks the sources without running them.

Stages: ${Object.keys(STAGES).join(', ')}; all of them unless some are named. It runs every stage, also after one failed.

Exit codes: 0 nothing found, 1 a stage failed, 2 wrong use.
`;

/** Resolves with the exit code. */
function runCommand([command, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
}

/** Resolves with whether it found nothing. */
async function runStage(name) {
  const [command, advice] = STAGES[name];
  process.stdout.write(`== ${name}: ${command.slice(1).join(' ') || command[0]}\n`);
  const startedAt = performance.now();
  const isGood = (await runCommand(command)) === 0;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`== ${name} ${isGood ? 'passed' : 'FAILED'} (${seconds} s)\n`);
  if (!isGood && advice !== null) process.stdout.write(`→ ${advice}\n`);
  return isGood;
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help) return process.stdout.write(HELP);
  const unknown = positionals.filter((name) => !Object.hasOwn(STAGES, name));
  if (unknown.length > 0) {
    process.stderr.write(`No such stage: ${unknown.join(', ')}\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  const names = positionals.length === 0 ? Object.keys(STAGES) : positionals;
  const failed = [];
  for (const name of names) if (!(await runStage(name))) failed.push(name);
  process.stdout.write(failed.length === 0 ? 'check passed\n' : `check failed: ${failed.join(', ')}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
