// npm run setup: everything that a fresh clone lacks. Needs nothing but node; may be run again at any time.
import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';

import { build } from './steps/build.mjs';
import { fetchJars } from './steps/jars.mjs';
import { installPackages } from './steps/packages.mjs';
import { installPrograms } from './steps/programs.mjs';
import { root, signalChildren, StepFailed } from './steps/run.mjs';
import { lockSetup } from './steps/setup-lock.mjs';

const HELP = `npm run setup: installs the npm packages, builds, and installs what this computer lacks.

It may be run again at any time; what is done already is skipped. Where it runs as root on Debian or Ubuntu it installs
missing programs with apt-get; elsewhere it prints the line to run and continues. Where no Docker engine answers, Maven
fetches Apache Kafka and the Apicurio registry.

Two at a time in one clone: the second waits for the first. Ctrl-C waits for the running program to end.

Exit codes: 0 done, 1 a step failed, 2 wrong use, 130 interrupted.
`;

const STEPS = ['npm packages', 'build', 'programs', 'local broker'];
let failures = 0;
/** The signal that asked this process to end. */
let interruption = null;

class Interrupted extends Error {}

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(HELP);
} else if (args.length > 0) {
  process.stderr.write(`setup takes no arguments, and was given: ${args.join(' ')}\nSee npm run setup -- --help\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await setup();
}

async function setup() {
  if (!isNodeNewEnough()) {
    process.stderr.write(`Node ${process.versions.node} is too old: 20.19 or newer is needed.\n`);
    return 1;
  }
  // The programs that run are waited for: an npm ci that still cleans up would destroy what the next setup installs.
  process.on('SIGINT', () => (interruption = 'SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interruption = signal;
      signalChildren(signal);
    });
  }
  const unlock = await lock();
  if (unlock === null) return 1;
  try {
    return await runSteps();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write('interrupted; to continue: npm run setup\n');
    return 128 + constants.signals[interruption];
  } finally {
    unlock();
  }
}

async function lock() {
  try {
    return await lockSetup((pid) => say(`another npm run setup (pid ${pid}) runs in this clone; waiting for it`));
  } catch (error) {
    if (error.syscall === undefined) throw error;
    process.stderr.write(
      `${root} cannot be written: ${error.message}\n→ Make the directory writable or free some space.\n`,
    );
    return null;
  }
}

async function runSteps() {
  // The other steps need these two; a failure ends the setup.
  if (!(await step('npm packages', installPackages)) || !(await step('build', build))) return 1;

  const { findDockerEngine } = await import('../dist/local/docker-engine.js');
  const engine = await findDockerEngine(process.env);
  await step('programs', () => installPrograms({ brokerByDocker: engine.answers, say }));
  await step('local broker', () => (engine.answers ? 'Docker runs it' : fetchJars()));
  await sayHowTheBrokerRuns();
  return failures === 0 ? 0 : 1;
}

async function step(name, work) {
  const startedAt = performance.now();
  const number = `[${STEPS.indexOf(name) + 1}/${STEPS.length}]`;
  process.stdout.write(`${number} ${name} …\n`);
  try {
    const outcome = await work();
    process.stdout.write(`${number} ${name}: ${outcome} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)\n`);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    if (interruption !== null) throw new Interrupted(); // which ended the step's program, too
    failures += 1;
    process.stderr.write(`${number} ${name} FAILED: ${error.message}\n→ ${error.nextStep}\n`);
    return false;
  }
  if (interruption !== null) throw new Interrupted();
  return true;
}

function say(line) {
  process.stdout.write(`      ${line}\n`);
}

async function sayHowTheBrokerRuns() {
  const { chooseStack } = await import('../dist/local/choose-stack.js');
  const { developmentPlace } = await import('../dist/local/stack-place.js');
  const place = developmentPlace(root);
  const choice = await chooseStack(place, process.env);
  const how = {
    docker: () => 'Redpanda by Docker (docker-compose.redpanda.yml)',
    java: () => 'Apache Kafka and the Apicurio registry as two Java processes',
    none: () => `none: ${choice.reason}. npm start then keeps its log in memory. To get one: ${choice.howToGetOne}`,
  }[choice.kind]();
  process.stdout.write(`Local broker: ${how}\nNext: npm start\n`);
}

function isNodeNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}
