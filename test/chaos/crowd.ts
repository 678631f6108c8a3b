/**
 * Several workers of the product in one process, each as `ravenhelm --role worker` would be:
 * crowd.js COUNT AGENTS-DIR PROJECT-DIR. Prints `serving` for each that serves, and `ended CODE` for each that ended by
 * itself, except where a broker or the registry could not be reached: it is started again, as by a supervisor. All
 * leave when standard input closes. Exits with their highest exit code.
 */
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { runCommandLine } from '../../src/cli/command-line.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import type { Host, Output } from '../../src/cli/host.js';
import { pause } from '../../src/ports/clock.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';

const RESTARTED_AFTER_MS = 1_000;

const [count = '', agentsDir = '', projectDir = ''] = process.argv.slice(2);
const clock = createSystemClock();
const leaving = new AbortController();
setMaxListeners(0, leaving.signal); // one for each worker
process.stdin.resume().once('close', () => leaving.abort(new Error('the crowd leaves')));

const output = (write: (text: string) => void): Output => ({
  write,
  drained: async () => undefined,
  isTerminal: false,
  size: () => ({ columns: 80, rows: 24 }),
  onResize: () => () => undefined,
  closed: new AbortController().signal,
});

const host: Host = {
  argv: ['--role', 'worker', '--agents', 'smith_agent', '--agents-dir', agentsDir],
  env: process.env,
  cwd: process.cwd(),
  projectDir,
  packageDir: projectDir,
  version: '0.0.0',
  user: 'chaos',
  hostname: hostname(),
  pid: process.pid,
  isRoot: false,
  nodePath: process.execPath,
  stdout: output(() => undefined),
  stderr: output((text) => {
    if (text.includes('"event":"role.serving"')) process.stdout.write('serving\n');
    if (text.includes('"level":"error"') || text.startsWith('error: ')) process.stderr.write(text);
  }),
  interruption: leaving.signal,
  clock,
  ids: createSystemIds(),
  random: Math.random,
  ask: null,
  async *lines() {},
};

/** As a supervisor would: another fault may strike while they start. */
async function keepRunning(): Promise<number> {
  for (;;) {
    const code = await runCommandLine(host);
    if (leaving.signal.aborted) return code;
    if (code !== EXIT.unreachable) {
      process.stdout.write(`ended ${code}\n`);
      return code;
    }
    await pause(clock, RESTARTED_AFTER_MS, leaving.signal).catch(() => undefined); // leaving ends the pause
  }
}

process.exit(Math.max(...(await Promise.all(Array.from({ length: Number(count) }, keepRunning)))));
