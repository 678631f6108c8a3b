/** What an assignment says about untrusted content, and which tasks it has tainted. */
import { outsideReach } from './support/reach.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import type { DecideContext } from '../../src/domain/mission-decide.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import { SIZES } from '../../src/domain/sizes.js';
import { reachOf, taintOf } from '../../src/domain/taint.js';
import { agentSpec } from '../support/role-swarm.js';
import { eventOf } from './support/events.js';
import {
  answered,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  given,
  ID,
  opened,
  planOf,
  planTask,
  progress,
  proposed,
  PROXY,
  requested,
  started,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const NETWORK = outsideReach('cert_agent', { origin: 'network', detail: 'registry.example:443' });

/** cert_agent and env_agent in the first wave, proxy_agent, which depends on cert_agent, in the second. */
const PLAN = {
  ...planOf([['cert_agent', 'env_agent'], ['proxy_agent']]),
  waves: [
    { wave_number: 1, rationale: '', tasks: [planTask('cert_agent', 1), planTask('env_agent', 1)] },
    { wave_number: 2, rationale: '', tasks: [planTask('proxy_agent', 2, { dependencies: [CERT] })] },
  ],
};

function start(request: Parameters<typeof requested>[0] = {}, context: Partial<DecideContext> = {}): MissionLog {
  const log = given(claimed(), opened(), requested({ plan: PLAN, ...request }));
  log.settle(context);
  return log;
}

const assignments = ({ records }: MissionLog) =>
  records.flatMap(({ event }) => (event.event_type === 'task_assigned' ? [event.payload] : []));

/** Of the last assignment of a task: each source as "origin (detail)", with ! where the prompt has it. */
function untrusted(log: MissionLog, task: string): readonly string[] {
  const last = assignments(log).findLast(({ task_id }) => task_id === task);
  if (last === undefined) throw new RangeError(`${task} has no assignment`);
  return (last.untrusted ?? []).map(
    ({ origin, detail, in_prompt }) => `${in_prompt ? '!' : ''}${origin}${detail === '' ? '' : ` (${detail})`}`,
  );
}

const taints = (log: MissionLog, task: string) =>
  log.task(task).taintedBy.map(({ origin, detail, step }) => `${origin}${detail === '' ? '' : ` (${detail})`}@${step}`);

const cancelled = (task: string, code: string): AgentEvent =>
  eventOf('task_cancelled', {
    mission_id: ID,
    task_id: task,
    attempt: 1,
    agent: 'cert_agent',
    owner: 'o-1',
    code,
    reason: 'late',
    target_partition: 2,
    source: null,
    mission_code: null,
  });

describe('an attempt', () => {
  const sources = [
    { origin: 'tasks', detail: CERT, in_prompt: true },
    { origin: 'workspace', detail: '', in_prompt: false },
  ];

  test.each([
    [0, [{ origin: 'tasks', detail: CERT, step: 0 }]],
    [
      1,
      [
        { origin: 'tasks', detail: CERT, step: 0 },
        { origin: 'workspace', detail: '', step: 1 },
      ],
    ],
  ])('with %d calls is tainted by its prompt, and after a call by what calls may read', (calls, expected) => {
    expect(taintOf(sources, calls)).toEqual(expected);
  });

  test('without untrusted sources is never tainted', () => {
    expect(taintOf([], 1_000)).toEqual([]);
  });

  test('whose orchestrator does not say what is untrusted is tainted from its start', () => {
    expect(taintOf(null, 0)).toMatchObject([{ origin: 'unknown', step: 0 }]);
  });
});

describe('a mission of its author alone', () => {
  test('taints nothing, whatever its tasks do', () => {
    const log = start({ success: [{ name: 'all', command: 'test -d .' }] });
    log.when(failed(CERT));
    log.settle(expired(timerKeys.retry(ID, CERT, 1)));
    log.when(completed(CERT, 2));
    log.when(completed(ENV));
    log.settle();
    log.when(completed(PROXY));
    log.settle();
    expect(assignments(log).map((each) => each.untrusted)).toEqual([[], [], [], [], []]);
    expect([...log.mission().tasks.values()].flatMap(({ taintedBy }) => taintedBy)).toEqual([]);
  });
});

describe('a given workspace', () => {
  test('is untrusted for every task, its checks included', () => {
    const log = start({ workspace: '/repo', success: [{ name: 'all', command: 'test -d .' }] });
    expect(untrusted(log, CERT)).toEqual(['workspace']);
    expect(taints(log, CERT)).toEqual([]);
    for (const task of [CERT, ENV]) log.when(completed(task));
    log.settle();
    log.when(completed(PROXY));
    log.settle();
    const verify = assignments(log).find(({ kind }) => kind === 'verify');
    expect(verify?.untrusted?.map(({ origin }) => origin)).toEqual(['workspace', 'files']);
  });

  test('is not, where the mission trusts it', () => {
    expect(untrusted(start({ workspace: '/repo', workspace_trusted: true }), CERT)).toEqual([]);
  });

  test('taints a task with its first call', () => {
    const log = start({ workspace: '/repo' });
    log.when(started(CERT));
    expect(taints(log, CERT)).toEqual([]);
    log.when(progress(CERT, 1));
    expect(taints(log, CERT)).toEqual(['workspace@1']);
    expect(taints(log, ENV)).toEqual([]);
  });
});

describe('a brief that quotes others', () => {
  test('taints every task from its start', () => {
    const log = start({ brief_trusted: false });
    expect(untrusted(log, ENV)).toEqual(['!brief']);
    expect(taints(log, ENV)).toEqual(['brief@0']);
  });

  const OWN = { name: 'own', command: 'test -d .' };
  const ADDED = { name: 'added', command: 'node upload.mjs https://host.example' };

  test.each([
    ['that a planner has added are untrusted', 'planner', [OWN, ADDED], ['!brief', 'files']],
    ["of the mission's file are not", 'planner', [OWN], ['files']],
    ['of a plan that a person has written are not', 'mission', [OWN, ADDED], ['files']],
  ] as const)("the mission's checks %s", (_, planner, success_criteria, expected) => {
    const plan = { ...PLAN, success_criteria: [...success_criteria] };
    const log = given(claimed(), opened(), requested({ brief_trusted: false, success: [OWN] }));
    log.settle();
    log.when(proposed(1, plan, { planner }));
    log.settle();
    for (const task of [CERT, ENV]) log.when(completed(task));
    log.settle();
    log.when(completed(PROXY));
    log.settle();
    const verify = assignments(log).find(({ kind }) => kind === 'verify');
    expect(untrusted(log, verify?.task_id ?? '')).toEqual(
      expected.map((origin) => expect.stringMatching(new RegExp(`^${origin}`))),
    );
  });
});

describe('an agent that reaches the network', () => {
  test('taints its task with the first call', () => {
    const log = start({}, NETWORK);
    expect(untrusted(log, CERT)).toEqual(['network (registry.example:443)']);
    expect(taints(log, CERT)).toEqual([]);
    log.when(completed(CERT));
    expect(taints(log, CERT)).toEqual(['network (registry.example:443)@1']);
  });

  test('may write files that the tasks beside it read, before anyone knows that it has', () => {
    expect(untrusted(start({}, NETWORK), ENV)).toEqual(['files (cert_agent)']);
  });

  test('taints a task that gets its result from the start, and others by the files', () => {
    const log = start({}, NETWORK);
    log.when(completed(CERT));
    log.when(completed(ENV));
    log.settle(NETWORK);
    expect(untrusted(log, PROXY)).toEqual([`!tasks (${CERT})`, `files (${CERT}, ${ENV})`]);
    expect(taints(log, PROXY)).toEqual([`tasks (${CERT})@0`]);
  });

  test('taints nothing where its task has made no call', () => {
    const log = start({}, NETWORK);
    log.when(completed(CERT, 1, {}, {}));
    const alone = start({ plan: planOf([['cert_agent'], ['proxy_agent']]) }, NETWORK);
    alone.when(eventOf('task_completed', { ...resultOf(log, CERT), steps: 0 }));
    alone.settle(NETWORK);
    expect(untrusted(alone, PROXY)).toEqual([]);
  });

  test('taints the next attempt, which reads why this one failed', () => {
    const log = start({}, NETWORK);
    log.when(failed(CERT));
    log.settle({ ...NETWORK, ...expired(timerKeys.retry(ID, CERT, 1)) });
    expect(untrusted(log, CERT)).toEqual(['!attempt', 'network (registry.example:443)']);
  });

  test('is in doubt tainted where its last events are lost: cancelled at its deadline', () => {
    const log = start({}, NETWORK);
    log.when(cancelled(CERT, 'deadline'));
    expect(taints(log, CERT)).toEqual(['network (registry.example:443)@1']);
  });
});

test.each([
  ['network', { network: [{ host: 'a.example', port: 443, addresses: [] }] }, 'a.example:443'],
  ['mounts', { mounts: [{ path: '/srv/data', mode: 'ro' as const }] }, '/srv/data'],
  ['docker', { docker: true }, ''],
])('an agent whose file has %s reaches what strangers may have written', (origin, file, detail) => {
  expect(reachOf(agentSpec('a'))).toEqual([]);
  expect(reachOf(agentSpec('a', file))).toEqual([{ origin, detail }]);
});

describe('texts that quote a tainted task', () => {
  test('a changed plan taints its tasks from their start', () => {
    const log = given(claimed(), opened(), requested());
    log.settle(NETWORK);
    log.when(proposed(1, planOf([['cert_agent']]), { planner: 'anthropic' }));
    log.settle(NETWORK);
    log.when(failed(CERT, 1, { retriable: false }));
    log.settle(NETWORK);
    log.when(proposed(2, planOf([['env_agent']], 2), { planner: 'anthropic' }));
    log.settle(NETWORK);
    expect(untrusted(log, 'deploy-env_agent-wave2')).toEqual(['!plan', `files (${CERT})`]);
  });

  test('a changed plan of a mission without taint does not', () => {
    const log = given(claimed(), opened(), requested());
    log.settle();
    log.when(proposed(1, planOf([['cert_agent']])));
    log.settle();
    log.when(failed(CERT, 1, { retriable: false }));
    log.settle();
    log.when(proposed(2, planOf([['env_agent']], 2)));
    log.settle();
    expect(untrusted(log, 'deploy-env_agent-wave2')).toEqual([]);
  });

  test("a person's answer, which comes with the failure that it is about", () => {
    const log = start({ on_failure: 'ask', retries: 0 }, NETWORK);
    log.when(completed(ENV));
    log.when(failed(CERT));
    log.settle(NETWORK);
    log.when(answered(1));
    log.settle(NETWORK);
    expect(untrusted(log, CERT)).toEqual(['!answer', '!attempt', `files (${ENV})`, 'network (registry.example:443)']);
  });
});

test('names few tasks, however many are tainted, and cuts long names', () => {
  const tasks = Array.from({ length: 50 }, (_, at) =>
    planTask('cert_agent', 1, { task_id: `deploy-cert_agent-wave1-${at}` }),
  );
  const plan = { ...PLAN, waves: [{ wave_number: 1, rationale: '', tasks }] };
  const log = start({ plan }, outsideReach('cert_agent', { origin: 'network', detail: 'h'.repeat(10_000) }));
  for (const { task_id } of tasks) log.when(progress(task_id, 1));
  const [first] = tasks;
  log.when(failed(first?.task_id ?? ''));
  log.settle({ ...NETWORK, ...expired(timerKeys.retry(ID, first?.task_id ?? '', 1)) });
  const [, files] = untrusted(log, first?.task_id ?? '');
  expect(files).toBe(
    'files (deploy-cert_agent-wave1-1, deploy-cert_agent-wave1-2, deploy-cert_agent-wave1-3 and others)',
  );
  const details = assignments(log).flatMap((each) => (each.untrusted ?? []).map(({ detail }) => detail.length));
  expect(Math.max(...details)).toBeLessThanOrEqual(SIZES.origin);
});

test('an older assignment, which says nothing, taints its task from the start', () => {
  const log = underWay();
  const [assigned] = assignments(log);
  if (assigned === undefined) throw new TypeError('the first wave is assigned');
  const older = given(claimed(), opened(), requested({ plan: PLAN }));
  for (const { event } of log.records.slice(3))
    older.when(
      event.event_type === 'task_assigned' ? eventOf('task_assigned', { ...event.payload, untrusted: null }) : event,
    );
  expect(taints(older, CERT)).toEqual(['unknown (an older orchestrator assigned it)@0']);
});

function resultOf(log: MissionLog, task: string): PayloadOf<'task_completed'> {
  const found = log.records.find(
    ({ event }) => event.event_type === 'task_completed' && event.payload.task_id === task,
  );
  if (found?.event.event_type !== 'task_completed') throw new RangeError(`${task} has no result`);
  return found.event.payload;
}
