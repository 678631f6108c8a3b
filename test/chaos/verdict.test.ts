import type { MissionReport, TaskReport } from '../../src/domain/report.js';
import type { SeenCall } from './observer.js';
import { judgeMission, longestStall } from './verdict.js';

const proof = [
  { name: 'it is there', command: 'true', exit_code: 0, duration_ms: 1, output_digest: '', baseline: null },
];
const task = (changes: Partial<TaskReport> = {}): TaskReport => ({
  task_id: 'deploy-keeper_agent-wave1',
  agent: 'keeper_agent',
  wave: 1,
  playbook: null,
  planned_by: 'mission',
  status: 'verified',
  attempts: 1,
  steps: 2,
  model: 'playbook',
  tokens: 0,
  cost_usd: 0,
  duration_ms: 1,
  summary: '',
  detail: '',
  checks: proof,
  unserved_since: null,
  unknown_agent: false,
  carried: false,
  held_before: false,
  changed_paths: [],
  artifacts: null,
  sandbox_off: false,
  tainted_by: [],
  ...changes,
});
const report = (changes: Partial<MissionReport> = {}): MissionReport => ({
  mission_id: 'm',
  name: 'hold-1',
  status: 'completed',
  reason: null,
  code: null,
  planner_wait: null,
  pause: null,
  waits_for: null,
  budget: { usd: null, tokens: null, minutes: null },
  budget_used: [],
  at_planner_price: null,
  question: null,
  workspace_of: null,
  continues: null,
  continued_by: [],
  snapshots: [],
  missed_snapshots: [],
  unserved_agents: [],
  waiting_calls: [],
  workspace: null,
  started_at: '',
  ended_at: '',
  cost_usd: 0,
  tokens: 0,
  proof: { tasks: 1, verified: 1, held_before: 0, not_known: 0 },
  sandbox_off: false,
  tasks: [task()],
  success: proof,
  requested_by: 'ann@host',
  signed_by: null,
  inputs: [],
  void_requests: [],
  ...changes,
});
const call = (changes: Partial<SeenCall> = {}): SeenCall => ({
  missionId: 'm',
  taskId: 'deploy-keeper_agent-wave1',
  attempt: 1,
  step: 1,
  partition: 0,
  mark: 'keeper/1',
  tool: 'execute_terminal_command',
  owner: 'a',
  atMs: 0,
  outcome: { kind: 'ok', byOther: false, atMs: 1 },
  ...changes,
});
const interrupted = { kind: 'unknown', byOther: true, atMs: 1 } as const;

describe('the verdict on a mission', () => {
  test('is good when its one step ran once and every check passed', () => {
    expect(judgeMission({ report: report(), lines: ['keeper/1'], calls: [call()] })).toMatchObject({
      lost: 0,
      duplicated: 0,
      inDoubt: 0,
      honest: true,
      problems: [],
    });
  });

  test('is a loss when it has not ended', () => {
    const open = report({
      status: 'running',
      tasks: [task({ status: 'running' }), task({ task_id: 'other', status: 'waiting' })],
    });
    expect(judgeMission({ report: open, lines: [], calls: [] })).toMatchObject({ lost: 2, honest: false });
    expect(judgeMission({ report: report({ status: 'planning', tasks: [] }), lines: [], calls: [] })).toMatchObject({
      lost: 1,
      honest: false,
    });
  });

  test('is a duplicate when a step ran more often than it was called', () => {
    expect(judgeMission({ report: report(), lines: ['keeper/1', 'keeper/1'], calls: [call()] })).toMatchObject({
      duplicated: 1,
    });
  });

  test('is a duplicate if a step ran without a call', () => {
    expect(judgeMission({ report: report(), lines: ['keeper/1'], calls: [] })).toMatchObject({ duplicated: 1 });
  });

  test('is a duplicate when a step in doubt that must not be repeated was called again in the same attempt', () => {
    const calls = [call({ outcome: interrupted }), call({ step: 2, owner: 'b' })];
    expect(judgeMission({ report: report(), lines: ['keeper/1', 'keeper/1'], calls })).toMatchObject({
      duplicated: 1,
      inDoubt: 1,
    });
  });

  test('is good when a new attempt, which the log announces, runs the step again', () => {
    const calls = [call({ outcome: interrupted }), call({ attempt: 2, owner: 'b' })];
    expect(judgeMission({ report: report(), lines: ['keeper/1', 'keeper/1'], calls })).toMatchObject({
      duplicated: 0,
      inDoubt: 1,
      honest: true,
    });
  });

  test('is good when a repeatable step in doubt was called again, and a duplicate when it had succeeded', () => {
    const scout = (changes: Partial<SeenCall>) =>
      call({ mark: 'long/1', taskId: 'deploy-scout_agent-wave1', ...changes });
    const long = report({ name: 'long-1', tasks: [task({ task_id: 'deploy-scout_agent-wave1' })] });
    expect(
      judgeMission({
        report: long,
        lines: ['long/1', 'long/1'],
        calls: [scout({ outcome: interrupted }), scout({ step: 2, owner: 'b' })],
      }),
    ).toMatchObject({ duplicated: 0, honest: true });
    expect(
      judgeMission({ report: long, lines: ['long/1', 'long/1'], calls: [scout({}), scout({ step: 2, owner: 'b' })] }),
    ).toMatchObject({ duplicated: 1 });
  });

  test.each([
    ['a completed mission without its line', report(), [], [call()], 'is not in the ledger'],
    [
      'a completed mission with a failed check',
      report({ success: proof.map((check) => ({ ...check, exit_code: 1 })) }),
      ['keeper/1'],
      [call()],
      'did not all pass',
    ],
    ['a completed mission without checks', report({ success: [] }), ['keeper/1'], [call()], 'did not all pass'],
    [
      'a completed mission with a task that was not verified',
      report({ tasks: [task({ status: 'unverified' })] }),
      ['keeper/1'],
      [call()],
      'is unverified',
    ],
    ['a failure without a reason', report({ status: 'failed' }), [], [], 'without a reason'],
    [
      'a step that is said to have succeeded and left nothing',
      report({ status: 'failed', reason: 'x' }),
      [],
      [call()],
      'is said to have succeeded',
    ],
    [
      'a mission that must fail and completed',
      report({ name: 'timed-1' }),
      ['slow/1'],
      [],
      'must not end as completed',
    ],
  ])('is a lie: %s', (_, lying, lines, calls, problem) => {
    const verdict = judgeMission({ report: lying, lines, calls });
    expect(verdict.honest).toBe(false);
    expect(verdict.problems.join('\n')).toContain(problem);
  });
});

describe('the longest stall', () => {
  const open = [{ fromMs: 100, toMs: 1_000 }];

  test('is the longest time without progress while a mission is open', () => {
    expect(longestStall([150, 200, 700, 900], open, 0, 2_000)).toBe(500);
  });

  test('counts the time until the end of the mission, and none in which no mission is open', () => {
    expect(longestStall([150], open, 0, 5_000)).toBe(850);
    expect(longestStall([], open, 2_000, 5_000)).toBe(0);
  });

  test('counts only what lies within the window', () => {
    expect(longestStall([150, 900], open, 400, 600)).toBe(200);
  });
});
