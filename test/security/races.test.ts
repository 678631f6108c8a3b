/**
 * Attack cases path-008 and path-009: another process exchanges a directory with a link to a directory outside, and a
 * file with a link to a file outside, as fast as it can, while the file tools read, list and write there. None may
 * reach what is outside. RAVENHELM_TEST_RACE_TRIES is the number of reads and of writes. Without it there are 40,000
 * reads and 400 writes, each of which starts a sandbox; `npm run test:slow` has 40,000 of both.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolOutcome } from '../../src/ports/tools.js';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory, type Harness } from '../tools/harness.js';

const TRIES = process.env['RAVENHELM_TEST_RACE_TRIES'];
const READS = Number(TRIES ?? 40_000);
const WRITES = Number(TRIES ?? 400);
const AT_ONCE = 4;
const CANARY = 'CANARYoutside';

/** Exchanges two names until its input ends (renameat2 with RENAME_EXCHANGE), then prints how often. */
const SWAP = `
my ($number, @names) = @ARGV;
my $count = 0;
while (1) {
  for my $at (0, 2) {
    syscall($number, -100, $names[$at], -100, $names[$at + 1], 2) == 0 or die "renameat2: $!";
  }
  next if ++$count % 64;
  my $bits = '';
  vec($bits, 0, 1) = 1;
  last if select($bits, undef, undef, 0);
}
print 2 * $count;
`;
const RENAMEAT2 = process.arch === 'arm64' ? 276 : 316;

let harness: Harness;
let outside: string;
let swapping: ChildProcess;

beforeEach(async () => {
  harness = await createHarness();
  await harness.executor.prepareWorkspace(harness.task());
  const workspace = harness.workspace();
  outside = temporaryDirectory();
  writeFileSync(join(outside, 'f'), CANARY);
  writeFileSync(join(outside, 'secret-name'), CANARY);
  mkdirSync(join(workspace, 'd'));
  for (const path of ['d/f', 'f']) writeFileSync(join(workspace, path), 'inside');
  symlinkSync(outside, join(workspace, 'd-link'));
  symlinkSync(join(outside, 'f'), join(workspace, 'f-link'));
  for (const path of ['d', 'd/f', 'f'])
    if (process.getuid?.() === 0) chownSync(join(workspace, path), SANDBOX_ACCOUNT.uid, SANDBOX_ACCOUNT.gid);
  const names = ['d', 'd-link', 'f', 'f-link'].map((name) => join(workspace, name));
  swapping = spawn('perl', ['-e', SWAP, String(RENAMEAT2), ...names], { stdio: ['pipe', 'pipe', 'inherit'] });
});
afterEach(() => void swapping.kill('SIGKILL'));
afterAll(removeTemporaryDirectories);

/** How often the names were exchanged. */
async function endSwapping(): Promise<number> {
  let said = '';
  swapping.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  swapping.stdin?.end();
  expect(await once(swapping, 'close')).toEqual([0, null]);
  return Number(said);
}

/** Makes so many calls, some at once, each a step of one of that many tasks. */
async function race(tries: number, call: (number: number) => readonly [tool: string, args: Record<string, unknown>]) {
  const seen = { ok: 0, refused: 0, escaped: new Array<ToolOutcome>() };
  let next = 0;
  const runs = Array.from({ length: AT_ONCE }, async (_, task) => {
    for (let step = 1; next < tries; step += 1) {
      const [tool, args] = call(next++);
      const outcome = await harness.call(tool, args, { task: harness.task(`t${task}`), step });
      if (/CANARY|secret-name/.test(outcome.observation)) seen.escaped.push(outcome);
      else if (outcome.outcome === 'ok') seen.ok += 1;
      else seen.refused += 1;
    }
  });
  await Promise.all(runs);
  return seen;
}

function report(what: string, { ok, refused, escaped }: Awaited<ReturnType<typeof race>>, swaps: number): void {
  process.stdout.write(
    `${what}: ${ok + refused + escaped.length} tries, ${swaps} swaps, ${escaped.length} escapes ` +
      `(${ok} done, ${refused} refused)\n`,
  );
}

test('reads and lists never reach outside while links are swapped', async () => {
  const calls = [
    ['workspace_read', { path: 'd/f' }],
    ['workspace_read', { path: 'f' }],
    ['workspace_list', { path: 'd' }],
    ['workspace_read', { path: 'd/../d/f' }],
  ] as const;
  const seen = await race(READS, (number) => calls[number % calls.length] ?? calls[0]);
  report('reads', seen, await endSwapping());
  expect(seen.escaped.slice(0, 3)).toEqual([]);
  // Both sides of the race were met.
  expect(seen.ok).toBeGreaterThan(READS / 100);
  expect(seen.refused).toBeGreaterThan(READS / 100);
}, 900_000);

test('a reader that resolves the path and then opens it does reach outside: the race is a real one', async () => {
  const workspace = await realpath(harness.workspace());
  const leaks = async () => {
    const path = join(workspace, 'd/f');
    if (!(await realpath(path)).startsWith(workspace)) return false;
    return (await readFile(path, 'utf8')) === CANARY;
  };
  let tries = 1;
  while (tries < 1_000_000 && !(await leaks())) tries += 1;
  process.stdout.write(`the same race against realpath and open: an escape after ${tries} tries\n`);
  await endSwapping();
  expect(tries).toBeLessThan(1_000_000);
}, 300_000);

test('writes never reach outside while links are swapped', async () => {
  const calls = [
    ['workspace_write', { path: 'd/w', content: 'x' }],
    ['workspace_write', { path: 'd/f', content: 'inside' }],
    // Overwriting would replace the link, and so end the race.
    ['workspace_write', { path: 'f', content: 'inside', mode: 'append' }],
    ['workspace_write', { path: 'd/new/w', content: 'x' }],
  ] as const;
  const seen = await race(WRITES, (number) => calls[number % calls.length] ?? calls[0]);
  report('writes', seen, await endSwapping());
  expect(seen.escaped.slice(0, 3)).toEqual([]);
  expect(readdirSync(outside).sort()).toEqual(['f', 'secret-name']);
  for (const name of ['f', 'secret-name']) expect(readFileSync(join(outside, name), 'utf8')).toBe(CANARY);
  expect(seen.ok).toBeGreaterThan(WRITES / 100);
}, 7_200_000);
