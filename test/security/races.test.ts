/**
 * Attack cases path-008 and path-009: another process exchanges a directory with a link to a directory outside, and a
 * file with a link to a file outside, as fast as it can, while the file tools read, list and write there. None may
 * reach what is outside. RAVENHELM_TEST_RACE_TRIES is the number of reads and of writes. Without it there are 40,000
 * reads and 400 writes, each of which starts a sandbox, and a quarter of both as another user than root;
 * `npm run test:slow` has 40,000 of each.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { USER } from '../tools/as-user.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory, type Harness } from '../tools/harness.js';
import { toolUser, type ToolCall, type ToolUser } from './support/sandbox-tool.js';

const TRIES = process.env['RAVENHELM_TEST_RACE_TRIES'];
const READS = Number(TRIES ?? 40_000);
const WRITES = Number(TRIES ?? 400);
const AT_ONCE = 4;
const CANARY = 'CANARYoutside';
const isRoot = process.getuid?.() === 0;

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

let swapping: ChildProcess;

/** Puts directories and files of an owner into a workspace, links beside them, and begins to exchange them. */
function startSwapping(workspace: string, outside: string, owner: number | null): void {
  writeFileSync(join(outside, 'f'), CANARY);
  writeFileSync(join(outside, 'secret-name'), CANARY);
  mkdirSync(join(workspace, 'd'));
  for (const path of ['d/f', 'f']) writeFileSync(join(workspace, path), 'inside');
  symlinkSync(outside, join(workspace, 'd-link'));
  symlinkSync(join(outside, 'f'), join(workspace, 'f-link'));
  if (owner !== null) for (const path of ['d', 'd/f', 'f']) chownSync(join(workspace, path), owner, owner);
  const names = ['d', 'd-link', 'f', 'f-link'].map((name) => join(workspace, name));
  swapping = spawn('perl', ['-e', SWAP, String(RENAMEAT2), ...names], { stdio: ['pipe', 'pipe', 'inherit'] });
}
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

interface Seen {
  ok: number;
  refused: number;
  readonly escaped: unknown[];
}

const isEscape = (text: string): boolean => /CANARY|secret-name/.test(text);

/** Makes so many calls, some at once, each a step of one of that many tasks. */
async function race(harness: Harness, tries: number, calls: readonly ToolCall[]): Promise<Seen> {
  const seen: Seen = { ok: 0, refused: 0, escaped: [] };
  let next = 0;
  const runs = Array.from({ length: AT_ONCE }, async (_, task) => {
    for (let step = 1; next < tries; step += 1) {
      const { tool, arguments: args } = nth(calls, next++);
      const outcome = await harness.call(tool, args, { task: harness.task(`t${task}`), step });
      note(seen, outcome.outcome, outcome.observation);
    }
  });
  await Promise.all(runs);
  return seen;
}

/** The same calls by another user than root, one after the other. */
async function raceAs(user: ToolUser, tries: number, calls: readonly ToolCall[]): Promise<Seen> {
  const seen: Seen = { ok: 0, refused: 0, escaped: [] };
  const results = await user.call(Array.from({ length: tries }, (_, number) => nth(calls, number)));
  for (const { outcome, stdout, stderr } of results) note(seen, outcome, `${stdout}${stderr}`);
  expect(results).toHaveLength(tries);
  return seen;
}

function nth(calls: readonly ToolCall[], number: number): ToolCall {
  const call = calls[number % calls.length];
  if (call === undefined) throw new RangeError('no calls');
  return call;
}

function note(seen: Seen, outcome: string, text: string): void {
  if (isEscape(text)) seen.escaped.push(text);
  else if (outcome === 'ok') seen.ok += 1;
  else seen.refused += 1;
}

function report(what: string, { ok, refused, escaped }: Seen, swaps: number): void {
  process.stdout.write(
    `${what}: ${ok + refused + escaped.length} tries, ${swaps} swaps, ${escaped.length} escapes ` +
      `(${ok} done, ${refused} refused)\n`,
  );
}

const READING: readonly ToolCall[] = [
  { tool: 'workspace_read', arguments: { path: 'd/f' } },
  { tool: 'workspace_read', arguments: { path: 'f' } },
  { tool: 'workspace_list', arguments: { path: 'd' } },
  { tool: 'workspace_read', arguments: { path: 'd/../d/f' } },
];
const WRITING: readonly ToolCall[] = [
  { tool: 'workspace_write', arguments: { path: 'd/w', content: 'x' } },
  { tool: 'workspace_write', arguments: { path: 'd/f', content: 'inside' } },
  // Overwriting would replace the link, and so end the race.
  { tool: 'workspace_write', arguments: { path: 'f', content: 'inside', mode: 'append' } },
  { tool: 'workspace_write', arguments: { path: 'd/new/w', content: 'x' } },
];

async function expectNoReads(seen: Seen): Promise<void> {
  report('reads', seen, await endSwapping());
  expect(seen.escaped.slice(0, 3)).toEqual([]);
  // Both sides of the race were met.
  const tries = seen.ok + seen.refused;
  expect(seen.ok).toBeGreaterThan(tries / 100);
  expect(seen.refused).toBeGreaterThan(tries / 100);
}

async function expectNoWrites(seen: Seen, outside: string): Promise<void> {
  report('writes', seen, await endSwapping());
  expect(seen.escaped.slice(0, 3)).toEqual([]);
  expect(readdirSync(outside).sort()).toEqual(['f', 'secret-name']);
  for (const name of ['f', 'secret-name']) expect(readFileSync(join(outside, name), 'utf8')).toBe(CANARY);
  expect(seen.ok).toBeGreaterThan((seen.ok + seen.refused) / 100);
}

describe('as the user who runs the tests', () => {
  let harness: Harness;
  let outside: string;
  beforeEach(async () => {
    harness = await createHarness();
    await harness.executor.prepareWorkspace(harness.task());
    outside = temporaryDirectory();
    startSwapping(harness.workspace(), outside, isRoot ? SANDBOX_ACCOUNT.uid : null);
  });

  test('reads and lists never reach outside while links are swapped', async () => {
    await expectNoReads(await race(harness, READS, READING));
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
    await expectNoWrites(await race(harness, WRITES, WRITING), outside);
  }, 7_200_000);
});

(isRoot ? describe : describe.skip)('as another user than root, through sandbox tool', () => {
  const part = TRIES === undefined ? 4 : 1;
  let user: ToolUser;
  beforeEach(() => {
    user = toolUser(USER);
    startSwapping(user.workspace, user.outside, USER);
  });

  test('reads and lists never reach outside, and both sides of the race are met', async () => {
    await expectNoReads(await raceAs(user, READS / part, READING));
  }, 900_000);

  test('writes never reach outside, and some succeed', async () => {
    await expectNoWrites(await raceAs(user, WRITES / part, WRITING), user.outside);
  }, 7_200_000);
});
