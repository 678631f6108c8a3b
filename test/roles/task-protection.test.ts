import { encodeBaseline } from '../../src/domain/baseline.js';
import { endCompared } from '../../src/roles/worker/task-protection.js';

type Arguments = Parameters<typeof endCompared>;

/** A comparison that never ends, on a clock that reaches every limit at once. */
async function compared(end: object, remainingMs: number) {
  const limits: number[] = [];
  const warnings: string[] = [];
  let comparisons = 0;
  const tools = {
    changedPaths() {
      comparisons += 1;
      return new Promise(() => undefined);
    },
  };
  const clock = {
    setTimer(ms: number, reached: () => void) {
      limits.push(ms);
      queueMicrotask(reached);
      return { cancel: () => undefined };
    },
  };
  const baseline = { checks: [], protected: [{ path: 'tests', digest: 'a' }] };
  const assignment = {
    mission_id: 'm',
    task_id: 't',
    attempt: 1,
    workspace: null,
    kind: 'deploy',
    playbook: null,
    acceptance: [],
    mission_inputs: [],
    protected: ['tests'],
    changes: [],
  };
  const attempt = { key: 'm/t/1', fence: 1, assignment, steps: [{ call: { baseline: encodeBaseline(baseline) } }] };
  const deps = { attempt, spec: { name: 'a', acceptance: [], playbooks: [] }, current: () => attempt };
  const result = await endCompared(
    { deps: { clock, tools } } as unknown as Arguments[0],
    deps as unknown as Arguments[1],
    { warn: (_: object, name: string) => warnings.push(name) } as unknown as Arguments[2],
    end as Arguments[3],
    { remainingMs, signal: new AbortController().signal },
  );
  return { result, limits, warnings, comparisons };
}

const failed = { kind: 'failed', code: 'steps', retriable: true, error: 'max_steps reached' };

test('a comparison has what the deadline has left and ten seconds; then the failure stays, and says so', async () => {
  const { result, limits, warnings } = await compared(failed, 2_000);
  const why = 'whether its protected files were changed is not known: they could not be compared within 12 s';
  expect(result).toEqual({ ...failed, error: `max_steps reached; ${why}` });
  expect([limits, warnings]).toEqual([[12_000], ['protection.not_compared']]);
});

test.each([
  ['a change was found already', { ...failed, code: 'protected' }],
  ['the task is done', { kind: 'completed', summary: 's' }],
])('nothing is compared where %s', async (_, end) => {
  expect(await compared(end, 2_000)).toEqual({ result: end, limits: [], warnings: [], comparisons: 0 });
});
