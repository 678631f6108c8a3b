import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom } from '../simulation/random.js';
import { removeTemporaryDirectories, temporaryDirectory } from './harness.js';

const PROGRAM = fileURLToPath(new URL('../support/tools-under-signals.mjs', import.meta.url));
const COMMANDS = 40;
/** The pause between two signals. Without it no start would succeed. */
const MOST_PAUSE_MS = 6;
/** Other pauses in each run; RAVENHELM_TEST_SEED repeats those of a run that failed. */
const SEED = Number(process.env.RAVENHELM_TEST_SEED ?? Date.now() % 1_000_000);

afterAll(removeTemporaryDirectories);

test.each(['SIGINT', 'SIGQUIT', 'SIGHUP'] as const)(
  `a terminal that sends %s to the worker at any moment of a start loses no command and runs none twice (seed ${SEED})`,
  async (signal) => {
    const root = temporaryDirectory();
    const random = createRandom(SEED);
    const worker = spawn(process.execPath, [PROGRAM, root, String(COMMANDS)], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { pid } = worker;
    if (pid === undefined) throw new Error('the worker could not be started');
    let output = '';
    let next: NodeJS.Timeout | null = null;
    const press = () => {
      process.kill(-pid, signal); // the foreground group, as a terminal does
      next = setTimeout(press, random.next() * MOST_PAUSE_MS); // a start takes a few
    };
    worker.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (next === null && output.includes('ready\n')) press();
      if (output.trim().split('\n').length <= COMMANDS || next === null) return;
      clearTimeout(next);
      worker.stdin.end();
    });
    worker.once('exit', () => next !== null && clearTimeout(next));
    const [code] = await once(worker, 'close');
    expect(code).toBe(0);
    const outcomes = output
      .trim()
      .split('\n')
      .slice(1)
      .map((line): { readonly outcome: string } => JSON.parse(line));
    expect(outcomes.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    expect(readFileSync(join(root, 'm1/ledger.txt'), 'utf8').trim().split('\n')).toEqual(
      Array.from({ length: COMMANDS }, (_, index) => String(index + 1)),
    );
  },
);
