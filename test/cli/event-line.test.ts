import { eventLine } from '../../src/cli/event-line.js';
import { missionOf } from '../../src/client/mission-of.js';
import { check, event, MISSION } from './support/samples.js';

const ASSIGNED = {
  task_id: 'deploy-cert_agent-wave1',
  description: 'd',
  dependencies: [],
  timeout_seconds: 300,
  retry_count: 0,
  parameters: {},
  mission_id: MISSION,
  attempt: 1,
  wave_number: 1,
  agent: 'cert_agent',
  kind: 'task' as const,
  owner: 'o',
  target_partition: 0,
  source: null,
  playbook: null,
  acceptance: [],
  brief: '',
  inputs: [],
  share_tokens: null,
  share_usd: null,
  workspace: null,
  workspace_marker: 'm',
  feedback: null,
  answer: null,
  requires: [],
  workspace_of: null,
  only: null,
  agent_digest: null,
  playbook_acceptance: null,
  protected: [],
  changes: [],
  artifacts: [],
  used_up_by: null,
  beside: null,
  limits: {},
  untrusted: [],
  mission_inputs: [],
};

const FAILED = {
  task_id: 'deploy-cert_agent-wave1',
  error: 'three attempts\nfailed',
  mission_id: MISSION,
  attempt: 1,
  owner: 'o',
  code: 'checks',
  retriable: true,
  steps: 2,
  model: 'playbook',
  tokens_in: 0,
  tokens_out: 0,
  cost_usd: 0,
  duration_ms: 5,
  checks: [check('chain', 0), check('key match', 1)],
  changed_paths: [],
  used_up_by: null,
  fenced: true,
  artifacts: null,
};

describe('an event on one line', () => {
  test('type, from whom to whom, and the task', () => {
    expect(eventLine(event('task_assigned', ASSIGNED, 'orchestrator', 'cert_agent'))).toBe(
      'task_assigned | orchestrator → cert_agent | deploy-cert_agent-wave1',
    );
  });

  test('an event of a process without a sandbox says so', () => {
    const marked = { ...event('task_assigned', ASSIGNED, 'orchestrator', 'cert_agent'), sandbox: 'off' };
    expect(eventLine(marked)).toMatch(/ \| deploy-cert_agent-wave1 \| sandbox off$/);
  });

  test('a further attempt is named', () => {
    expect(eventLine(event('task_assigned', { ...ASSIGNED, attempt: 2 }, 'orchestrator', 'cert_agent'))).toMatch(
      / \| attempt 2$/,
    );
  });

  test('a failure names its code and the failing check, on one line', () => {
    expect(eventLine(event('task_failed', FAILED, 'cert_agent', 'orchestrator'))).toBe(
      'task_failed | cert_agent → orchestrator | deploy-cert_agent-wave1 | ' +
        'checks: check "key match" exit 1: three attempts failed',
    );
  });

  test.each([
    ['usd', 3.9, 5, '75 % of $5 ($3.90) is used'],
    ['tokens', 150, 200, '75 % of 200 tokens (150) is used'],
    ['minutes', 15, 20, '75 % of 20 minutes is used'],
  ])('a used budget names the share, the limit and what is used: %s', (budget, used, limit, text) => {
    const payload = { mission_id: MISSION, owner: 'o', budget, percent: 75, used, limit };
    expect(eventLine(event('budget_used', payload))).toBe(`budget_used | orchestrator | ${MISSION} | ${text}`);
  });

  test('events of a mission, a wave, a service and a partition name those', () => {
    expect(
      eventLine(
        event('mission_failed', { mission_id: MISSION, owner: 'o', reason: 'no', code: null, at_planner_price: null }),
      ),
    ).toBe(`mission_failed | orchestrator | ${MISSION} | no`);
    expect(eventLine(event('wave_completed', { mission_id: MISSION, owner: 'o', wave_number: 2 }))).toBe(
      `wave_completed | orchestrator | ${MISSION} wave 2`,
    );
    const service = {
      service_name: 'worker-1',
      status: 'ready',
      container_id: null,
      health_check_url: null,
      error_message: null,
      metadata: {},
    };
    expect(eventLine(event('service_ready', service, 'worker-1'))).toBe('service_ready | worker-1 | worker-1 | ready');
    expect(eventLine(event('partition_opened', { epoch: 'e', topic: 't', partition: 3 }))).toBe(
      'partition_opened | orchestrator | t[3]',
    );
  });

  test('a failover tells from which model to which, and why', () => {
    const failover = {
      mission_id: MISSION,
      task_id: 'deploy-cert_agent-wave1',
      attempt: 1,
      step: 1,
      revision: null,
      agent: 'cert_agent',
      from_model: 'ollama:llama3.1',
      to_model: 'playbook',
      reason: 'connection refused',
      cause: 'unreachable',
    };
    expect(eventLine(event('model_failed_over', failover, 'cert_agent', 'orchestrator'))).toBe(
      'model_failed_over | cert_agent → orchestrator | deploy-cert_agent-wave1 | ' +
        'ollama:llama3.1 → playbook, connection refused',
    );
    expect(
      eventLine(
        event(
          'model_failed_over',
          { ...failover, task_id: null, attempt: null, step: null, revision: 1, agent: 'planner', to_model: 'order' },
          'planner',
          'orchestrator',
        ),
      ),
    ).toBe(`model_failed_over | planner → orchestrator | ${MISSION} | ollama:llama3.1 → order, connection refused`);
  });

  test('a circuit breaker tells its endpoint, its states, and for how long it rests', () => {
    const change = {
      worker_id: 'worker-1',
      endpoint: 'ollama at http://127.0.0.1:11434',
      model: 'ollama:llama3.1',
      from: 'closed' as const,
      to: 'open' as const,
      reason: 'connection refused',
      failures: 5,
      open_ms: 20_000,
    };
    expect(eventLine(event('circuit_changed', change, 'worker-1'))).toBe(
      'circuit_changed | worker-1 | worker-1 | ollama at http://127.0.0.1:11434: ' +
        'closed → open for 20.0 s after 5 failures, connection refused',
    );
    expect(
      eventLine(
        event(
          'circuit_changed',
          { ...change, from: 'half_open', to: 'closed', reason: 'a call was answered', failures: 0, open_ms: 0 },
          'worker-1',
        ),
      ),
    ).toBe(
      'circuit_changed | worker-1 | worker-1 | ollama at http://127.0.0.1:11434: ' +
        'half_open → closed, a call was answered',
    );
  });

  test('an escape sequence in an event never reaches the terminal', () => {
    expect(
      eventLine(
        event('mission_failed', {
          mission_id: MISSION,
          owner: 'o',
          reason: 'a\u001b[31mb',
          code: null,
          at_planner_price: null,
        }),
      ),
    ).not.toContain('\u001b');
  });
});

test('an assignment says what is untrusted', () => {
  const untrusted = [
    { origin: 'workspace', detail: '', in_prompt: false },
    { origin: 'tasks', detail: 'a', in_prompt: true },
  ];
  const line = eventLine(event('task_assigned', { ...ASSIGNED, untrusted }));
  expect(line).toMatch(/ \| may read untrusted content: workspace, tasks \(a\)$/);
});

test('the mission of an event is in its payload, its metadata or its correlation id', () => {
  expect(missionOf(event('task_assigned', ASSIGNED))).toBe(MISSION);
  const dependency = {
    requesting_agent: 'a',
    dependency_type: 'task',
    dependency_name: 'b',
    required_by: 'c',
    metadata: { mission_id: 'other' },
  };
  expect(missionOf(event('dependency_required', dependency))).toBe('other');
  expect(
    missionOf({ ...event('partition_opened', { epoch: 'e', topic: 't', partition: 3 }), correlation_id: null }),
  ).toBeNull();
});
