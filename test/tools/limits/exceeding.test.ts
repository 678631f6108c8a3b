import { NO_CGROUPS, openCgroups, type Cgroups } from '../../../src/tools/cgroups.js';
import { LIMIT_NAMES } from '../../../src/domain/limits.js';
import { alive } from '../../support/marked-processes.js';
import { placeForUser, runAsUser } from '../as-user.js';
import { createHarness, removeTemporaryDirectories, type CommandResult, type Harness } from '../harness.js';
import { EXCEEDING, type Exceeding } from './programs.js';

/** A program beyond each limit: in cgroups and without, as root and as another user. */
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
const cgroups = await openCgroups();
const withCgroups = cgroups.usable.length > 0 ? describe : describe.skip;

afterAll(removeTemporaryDirectories);

test('each limit that can be known has a program that exceeds it', () => {
  const known = new Set(EXCEEDING.map(({ name }) => name));
  expect(LIMIT_NAMES.filter((name) => name !== 'open_files' && !known.has(name))).toEqual([]);
});

const WRITES_TO_DEV = 'echo x > /dev/x; echo $?; echo y > /dev/null && echo z > /dev/shm/z && echo done';

test('/dev takes no files', async () => {
  const harness = await createHarness();
  expect((await harness.sh(WRITES_TO_DEV)).stdout).toMatch(/^[12]\ndone\n$/);
});

function expectLimit({ name, end }: Exceeding, result: CommandResult): void {
  expect(result).toMatchObject({ outcome: 'error', limit: name, success: false });
  expect(result.note).toContain(name === 'wall_time' ? 'time limit' : 'was reached');
  if (end === 'killed') expect(result.note).toContain('all of its processes were killed');
}

const cases = EXCEEDING.map((program) => [program.name, program.how, program] as const);
const inHarness = (made: Cgroups) => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await createHarness({ cgroups: made });
  });
  test.each(cases)('%s: %s', async (_, __, program) => {
    const { command, limits, timeLimitMs = 30_000 } = program;
    expectLimit(program, await harness.sh(command, { limits, timeLimitMs }));
    expect(alive(harness.root)).toEqual([]);
  });
};

withCgroups('in cgroups, the outcome names the limit', () => inHarness(cgroups));
describe('without cgroups, the outcome names the limit', () => inHarness(NO_CGROUPS));

asRoot('as another user, the outcome names the limit', () => {
  let results: readonly CommandResult[];
  beforeAll(async () => {
    const script = `
const programs = ${JSON.stringify(EXCEEDING)};
const results = [];
for (const [index, { command, limits, timeLimitMs }] of programs.entries()) {
  // A separate workspace for each: some are left over their limit.
  const own = { ...task, missionId: 'program-' + index };
  const call = { task: own, step: 1, claimOffset: 1, timeLimitMs: timeLimitMs ?? 30000, limits };
  const outcome = await executor.run({ ...call, tool: 'execute_terminal_command', arguments: { command } }, never);
  results.push({ ...outcome, ...JSON.parse(outcome.observation) });
}
const writes = await call('execute_terminal_command', { command: ${JSON.stringify(WRITES_TO_DEV)} });
results.push(JSON.parse(writes.observation));
console.log(JSON.stringify(results));`;
    results = JSON.parse(await runAsUser(placeForUser(), script));
  }, 120_000);
  test.each(cases.map((each, index) => [...each, index] as const))('%s: %s', (_, __, program, index) => {
    const result = results[index];
    if (result === undefined) throw new Error('it was not run');
    expectLimit(program, result);
  });
  test('/dev takes no files', () => {
    // It belongs to this user there.
    expect(results.at(-1)).toMatchObject({ stdout: expect.stringMatching(/^[12]\ndone\n$/) });
  });
});
