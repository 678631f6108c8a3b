import { FINISH } from '../../src/agent/step.js';
import { BASELINE_TIMED_OUT, NOT_RUN } from '../../src/domain/baseline.js';
import type { TaskAttempt } from '../../src/domain/task-partition.js';
import { judgeResults } from '../../src/roles/worker/late-baseline.js';

const CHECK = { name: 'no TODO', command: '! grep -rq TODO .' };
const UNKNOWN = { checks: [{ command: CHECK.command, workspace: NOT_RUN, empty: NOT_RUN }], protected: [] };
const passed = { ...CHECK, exit_code: 0, duration_ms: 1, output: null, output_digest: '', baseline: null };

/** The verdict of a check that was approved, passes at the end and passes in an empty directory. */
async function verdictAfter(steps: readonly object[]) {
  const attempt = { assignment: { attempt: 1 }, steps } as unknown as TaskAttempt;
  const deps = { current: () => attempt, tools: { runInEmpty: async () => [0] }, acting: new AbortController().signal };
  const call = { timeLimitMs: 60_000 } as unknown as Parameters<typeof judgeResults>[3];
  const [judged] = await judgeResults(deps, { passed: true, results: [passed], observation: '' }, UNKNOWN, call);
  return judged?.baseline;
}

const command = {
  call: { tool: 'execute_terminal_command', decision: 'allow', approved_by: null, refused_because: null },
  outcome: { checks: [] },
};
const finish = (exit_code: number) => ({
  call: { tool: FINISH, decision: 'allow', approved_by: null, refused_because: null },
  outcome: { checks: [{ ...passed, exit_code }] },
});

test.each([
  ['that has never run is vacuous', [command], 'vacuous'],
  ['that an earlier finish has seen fail is none: it could fail', [command, finish(1), command], null],
  ['that an earlier finish has seen pass is vacuous', [command, finish(0), command], 'vacuous'],
])('a check %s', async (_, steps, verdict) => {
  expect(await verdictAfter(steps)).toBe(verdict);
});

/** The verdict of a check that passes at the end, and the time limits of its runs in an empty directory. */
async function slowVerdict(
  steps: readonly object[],
  before: { readonly workspace: number; readonly empty: number },
  emptyAtEnd: number,
  call: object = { timeLimitMs: 600_000 },
) {
  const limits: number[] = [];
  const attempt = { assignment: { attempt: 1 }, steps } as unknown as TaskAttempt;
  const deps = {
    current: () => attempt,
    tools: {
      async runInEmpty({ timeLimitMs }: { readonly timeLimitMs: number }) {
        limits.push(timeLimitMs);
        return [emptyAtEnd];
      },
    },
    acting: new AbortController().signal,
  };
  const slow = { ...passed, duration_ms: 15_000 };
  const run = { passed: true, results: [slow], observation: '' };
  const baseline = { checks: [before], protected: [] };
  const [judged] = await judgeResults(deps, run, baseline, call as unknown as Parameters<typeof judgeResults>[3]);
  return [judged?.baseline, limits];
}

const SLOW = BASELINE_TIMED_OUT;
test.each([
  ['in both places and passes in the empty one', [command], SLOW, SLOW, 0, 'vacuous', [40_000]],
  ['in both places and fails in the empty one', [command], SLOW, SLOW, 1, 'not_known', [40_000]],
  ['in both places, and at the end as well', [command], SLOW, SLOW, SLOW, 'not_known', [40_000]],
  ['in the workspace and failed in the empty one', [command], SLOW, 1, 0, 'not_known', []],
  ['in the workspace and passed in the empty one', [command], SLOW, 0, 0, 'vacuous', []],
  ['where nothing has run since', [finish(0)], SLOW, 1, 0, 'held_before', []],
  ['where nothing has run since, and needs nothing', [finish(0)], SLOW, SLOW, 0, 'vacuous', [40_000]],
  ['in the empty directory, and held before', [command], 0, SLOW, 1, 'held_before', [40_000]],
  ['in the empty directory, and is vacuous', [command], 0, SLOW, 0, 'vacuous', [40_000]],
  ['in the empty directory, and could fail', [command], 1, SLOW, 0, null, []],
  ['and failed at an earlier finish', [command, finish(1), command], SLOW, 1, 0, null, []],
] as const)('a check that took too long %s', async (_, steps, workspace, empty, atEnd, verdict, limits) => {
  expect(await slowVerdict(steps, { workspace, empty }, atEnd)).toEqual([verdict, limits]);
});

test('a check that took too long has no more time than its limit and the attempt leave', async () => {
  const before = { workspace: SLOW, empty: SLOW };
  expect(await slowVerdict([command], before, 1, { timeLimitMs: 20_000 })).toEqual(['not_known', [20_000]]);
  const limited = { timeLimitMs: 600_000, limits: { wall_seconds: 30 } };
  expect(await slowVerdict([command], before, 1, limited)).toEqual(['not_known', [30_000]]);
});
