import { FINISH } from '../../src/agent/step.js';
import { NOT_RUN } from '../../src/domain/baseline.js';
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
