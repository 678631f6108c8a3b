import type { PayloadOf } from '../../src/domain/events.js';

/** An assignment with every field filled; no two numbers have equal instructions. */
export function assignment(number: number): PayloadOf<'task_assigned'> {
  return {
    task_id: `task-${number}`,
    mission_id: 'mission',
    description: `Größe ${number}: "quoted"\n`,
    dependencies: ['a', 'b'],
    timeout_seconds: 60,
    retry_count: 0,
    parameters: { size: '☃' },
    attempt: 1,
    wave_number: 1,
    agent: 'cert_agent',
    kind: 'task',
    owner: 'orchestrator',
    target_partition: 0,
    source: { epoch: 'log-1', partition: 0, offset: number },
    playbook: null,
    acceptance: [{ name: 'there', command: `test -f ${number}` }],
    brief: 'Do it.',
    inputs: [{ task_id: 'a', agent: 'env_agent', summary: 'done', outputs: { port: '1' } }],
    share_tokens: null,
    share_usd: null,
    workspace: null,
    workspace_marker: 'marker',
    feedback: number % 2 === 0 ? null : 'not yet',
    requires: [],
    agent_digest: null,
    playbook_acceptance: null,
    protected: [],
    changes: [],
    used_up_by: null,
    beside: null,
    limits: {},
    untrusted: [],
  };
}
