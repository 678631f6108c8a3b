// Several workers of the built product in one process, each as `ravenhelm --role worker` would be:
// crowd.mjs COUNT AGENTS-DIR
// Prints `serving` for each that serves; all leave when standard input closes. Exits with their highest exit code.
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createSystemClock, createSystemIds } from '../../dist/telemetry/system-clock.js';
import { runCommandLine } from '../../dist/cli/command-line.js';

const [count, agentsDir] = process.argv.slice(2);
const leaving = new AbortController();
process.stdin.resume().once('close', () => leaving.abort(new Error('the crowd leaves')));

const output = (write) => ({
  write,
  isTerminal: false,
  size: () => ({ columns: 80, rows: 24 }),
  onResize: () => () => undefined,
  closed: new AbortController().signal,
});
const stderr = output((text) => {
  if (text.includes('"event":"role.serving"')) process.stdout.write('serving\n');
  if (text.includes('"level":"error"')) process.stderr.write(text);
});

/** What a role ends with when broker or registry cannot be reached at its start. */
const UNREACHABLE = 3;
const RESTARTED_AFTER_MS = 1_000;

const run = () =>
  runCommandLine({
    argv: ['--role', 'worker', '--agents', 'smith_agent', '--agents-dir', agentsDir],
    env: process.env,
    cwd: process.cwd(),
    projectDir: fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, ''),
    version: '0.0.0',
    user: 'chaos',
    hostname: hostname(),
    pid: process.pid,
    nodePath: process.execPath,
    stdout: output(() => undefined),
    stderr,
    interruption: leaving.signal,
    clock: createSystemClock(),
    ids: createSystemIds(),
    random: Math.random,
  });

/** As a supervisor would: another fault may strike while they start. */
async function keepRunning() {
  for (;;) {
    const code = await run();
    if (code !== UNREACHABLE || leaving.signal.aborted) return code;
    await new Promise((resolve) => setTimeout(resolve, RESTARTED_AFTER_MS));
  }
}

process.exit(Math.max(...(await Promise.all(Array.from({ length: Number(count) }, keepRunning)))));
