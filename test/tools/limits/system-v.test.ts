/** System V memory belongs to no process: what no process has attached is not measured. So there is little of it. */
import { readFileSync } from 'node:fs';
import { DEFAULT_LIMITS } from '../../../src/domain/limits.js';
import { NO_CGROUPS, openCgroups } from '../../../src/tools/cgroups.js';
import { isForbidden, placeForUser, runAsUser } from '../as-user.js';
import { createHarness, removeTemporaryDirectories, type CommandResult } from '../harness.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;
const cgroups = await openCgroups();

afterAll(removeTemporaryDirectories);

const LIMITS = { ...DEFAULT_LIMITS, memory_mb: 64 };
const MIB = 1_048_576;
const KEY = 0x52_41_56;

/**
 * Takes 40 segments of 8 MiB and as many of a page as there may be, writes to each, keeps none attached, and removes
 * none. Then it takes sets of semaphores and fills queues of messages. It prints the MiB of each.
 */
const TAKES = `cat > takes.pl <<'PERL'
use strict; use warnings;
my ($mib, %held) = (1048576, segments => 0, pages => 0, semaphores => 0, messages => 0);
for (1 .. 40) {
  my $id = shmget 0, 8 * $mib, 0600;
  $held{segments} += 8 if defined $id && shmwrite $id, "x" x (8 * $mib), 0, 8 * $mib;
}
for (1 .. 40000) { my $id = shmget 0, 4096, 0600; last unless defined $id; $held{pages} += 4096 / $mib }
shmget ${KEY}, 4096, 01600;
for my $in (32000, 250, 16) {
  for (1 .. 200) { last unless defined semget 0, $in, 0600; $held{semaphores} += 64 * $in / $mib }
}
for (1 .. 2000) {
  my $id = msgget 0, 0600; last unless defined $id;
  for (1 .. 2) { $held{messages} += 8000 / $mib if msgsnd $id, pack("l! a*", 1, "x" x 8000), 04000 }
}
printf "%s %.0f\\n", $_, $held{$_} for sort keys %held;
PERL
perl takes.pl`;

/** Whether a segment of an earlier call is there. */
const FINDS = `perl -e 'print defined(shmget ${KEY}, 0, 0) ? "found" : "none: $!"'`;

const heldMib = ({ stdout }: CommandResult): Record<string, number> =>
  Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([what, mib]) => [what, Number(mib)]),
  );

function expectLittle(result: CommandResult): void {
  expect(result.exit_code).toBe(0);
  const held = heldMib(result);
  expect(held).toMatchObject({ segments: 0, messages: 0 });
  expect(held['pages']).toBeGreaterThan(0);
  const all = Object.values(held).reduce((sum, mib) => sum + mib, 0);
  expect(all * MIB).toBeLessThan(LIMITS.memory_mb * MIB);
}

/** Of this computer, outside of all sandboxes. */
const segmentsHere = (): string => readFileSync('/proc/sysvipc/shm', 'utf8');

test.each([
  ['where no cgroup can be made', NO_CGROUPS],
  ['in cgroups', cgroups],
])('System V memory of a call is far below its memory limit, and ends with its sandbox: %s', async (_, made) => {
  const harness = await createHarness({ cgroups: made });
  const before = segmentsHere();
  expectLittle(await harness.sh(TAKES, { limits: LIMITS }));
  expect((await harness.sh(FINDS)).stdout).toBe('none: No such file or directory');
  expect(segmentsHere()).toBe(before);
});

asRoot('the same as another user', async () => {
  const script = `
const limits = ${JSON.stringify(LIMITS)};
const of = async (step, command) => {
  const call = { task, step, claimOffset: 1, timeLimitMs: 30000, limits };
  const outcome = await executor.run({ ...call, tool: 'execute_terminal_command', arguments: { command } }, never);
  return JSON.parse(outcome.observation);
};
const takes = await of(1, ${JSON.stringify(TAKES)});
const finds = await of(2, ${JSON.stringify(FINDS)});
console.log(JSON.stringify({ sandbox, takes, finds }));`;
  const before = segmentsHere();
  const { sandbox, takes, finds } = JSON.parse(await runAsUser(placeForUser(), script));
  if (isForbidden(sandbox)) return;
  expectLittle(takes);
  expect(finds.stdout).toBe('none: No such file or directory');
  expect(segmentsHere()).toBe(before);
});
