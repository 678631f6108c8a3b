// npm run test:container: see docs/operations.md.
import { performance } from 'node:perf_hooks';
import { platform } from 'node:os';
import { parseArgs } from 'node:util';

import { StepFailed } from '../../scripts/steps/run.mjs';
import { checkContainers } from './checks.mjs';
import { createRunner } from './command.mjs';
import { Missing } from './engine.mjs';

const HELP = `npm run test:container [-- --engine docker|podman] [--image NAME]

Builds the image of the Dockerfile and runs missions/hello.yaml in it, with a Docker engine that answers, else with
podman. Containers use this computer's network, and a broker that lives as long as the run (or the one that
RAVENHELM_TEST_BROKERS and RAVENHELM_TEST_REGISTRY name). Where no image registry can be reached, the base image is made
from Debian's and npm's packages, which needs mmdebstrap; it is kept for the next run. Containers, volumes, the image
and the broker are removed at the end.

  --engine NAME   use this engine only: docker or podman
  --image NAME    check this image, which the engine has, instead of building one
  --help          this text

Exit codes: 0 every step passed, 1 a step failed (its output is shown), 2 wrong use or something that must be installed
first, 130 interrupted.
`;

class Interrupted extends Error {}

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  const options = readOptions(args);
  if (options.problem !== undefined) {
    process.stderr.write(`${options.problem}\nSee npm run test:container -- --help\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (platform() !== 'linux') {
    process.stderr.write(`Containers share the network of this computer, which needs Linux; this is ${platform()}.\n`);
    return 2;
  }
  return runChecks(options);
}

function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: { engine: { type: 'string' }, image: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    const { engine = null, image = null, help = false } = values;
    if (engine !== null && !['docker', 'podman'].includes(engine))
      return { problem: `--engine is docker or podman, not ${engine}.` };
    return { engine, image, help };
  } catch (error) {
    return { problem: error.message };
  }
}

async function runChecks(options) {
  const interruption = new AbortController();
  const interrupt = () => {
    if (!interruption.signal.aborted) process.stderr.write('interrupted: cleaning up\n');
    interruption.abort(new Interrupted());
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, interrupt);
  const cleanups = [];
  try {
    const { signal } = interruption;
    const [run, runFreely] = [createRunner(signal), createRunner(null)];
    await checkContainers({ run, runFreely, signal, cleanups, step, say, options });
    process.stdout.write('all steps passed\n');
    return 0;
  } catch (error) {
    return explain(error, interruption.signal.aborted);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup().catch(sayUncleaned);
  }
}

/** Runs work and prints one line; work may add what it found to the line. Returns what work returns. */
async function step(name, work) {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  let found = '';
  try {
    const value = await work((text) => (found = `: ${text}`));
    process.stdout.write(`ok    ${name}${found} (${seconds()})\n`);
    return value;
  } catch (error) {
    process.stdout.write(`FAIL  ${name} (${seconds()})\n`);
    throw error;
  }
}

function say(line) {
  process.stdout.write(`      ${line}\n`);
}

function explain(error, interrupted) {
  if (interrupted) return 130;
  if (!(error instanceof StepFailed || error instanceof Missing)) {
    process.stderr.write(`${error.stack}\n`);
    return 1;
  }
  process.stderr.write(`${error.message}\n`);
  if (error.nextStep !== null) process.stderr.write(`→ ${error.nextStep}\n`);
  return error instanceof Missing ? 2 : 1;
}

function sayUncleaned(error) {
  process.stderr.write(`not cleaned up: ${error.message}\n`);
}
