// npm test: builds what is stale, then runs jest with the arguments given.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

import { build } from './steps/build.mjs';
import { root, StepFailed } from './steps/run.mjs';

try {
  await build(); // the tests start the command line and the local stack as users do: from dist/
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.stderr.write(`The build failed: ${error.message}\n→ ${error.nextStep}\n`);
  process.exit(1);
}

// Jest runs ES modules by an interface of node's that still warns of being experimental.
const nodeArguments = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'].filter((argument) =>
  process.allowedNodeEnvironmentFlags.has(argument.split('=')[0]),
);
// Threads that collect garbage take time from the second worker where there are two cores: an eighth of the whole.
nodeArguments.push('--single-threaded-gc');
// RAVENHELM_TEST_RESULTS names a file that jest writes its counts to (.ci/run reads them).
const results = process.env.RAVENHELM_TEST_RESULTS;
const jestArguments = [...(results ? ['--json', `--outputFile=${results}`] : []), ...process.argv.slice(2)];
const jest = spawn(process.execPath, [...nodeArguments, 'node_modules/jest/bin/jest.js', ...jestArguments], {
  cwd: root,
  stdio: 'inherit',
  // Brokers of tests live for seconds: what Java's second compiler takes, a third of their start, never pays off.
  env: { JAVA_TOOL_OPTIONS: '-XX:TieredStopAtLevel=1', ...process.env },
});

// Ctrl-C reaches jest by the terminal; this process must outlive it to pass its exit code on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => jest.kill(signal));
jest.once('exit', (exitCode, signal) => {
  process.exitCode = exitCode ?? 128 + constants.signals[signal];
});
