/** What happens to a call that was asked about, by what the log says and by when the worker can run it. */
import { askAbout, saidAbout } from '../../src/roles/worker/asked-call.js';
import { createTaskPartitionState, evolveTaskPartition, type TaskAttempt } from '../../src/domain/task-partition.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import type { EventOf, PayloadOf } from '../../src/domain/events.js';
import { assigned, called, claimed, source, MISSION, TASK } from '../domain/support/task-log.js';
import { eventOf, recordsOf, T0 } from '../domain/support/events.js';
import { agentSpec } from '../support/role-swarm.js';

const EXPIRES = T0 + 10_000;
const same = (text: string): string => text;

/** An attempt with a call that was approved in time, and the call. */
function approved(): { readonly attempt: TaskAttempt; readonly waiting: NonNullable<TaskAttempt['waiting']> } {
  const state = createTaskPartitionState();
  const key = attemptKey({ mission_id: MISSION, task_id: TASK, attempt: 1 });
  const spec = agentSpec('cert_agent');
  const log = [claimed('w'), assigned(source(1))];
  for (const record of recordsOf(log)) evolveTaskPartition(state, record);
  const before = state.attempts.get(key);
  const call = called('w', 1);
  if (before === undefined || call.event_type !== 'tool_called') throw new TypeError('an attempt is open');
  const { decision: _, approval_id: _id, approved_by: _by, refused_because: _why, ...step } = call.payload;
  const args = JSON.parse(step.arguments);
  const verdict = { decision: 'ask', rule: 'r', reason: 'it matters' } as const;
  const limits = { remainingMs: 1_000, expiresAtMs: EXPIRES, taintedBy: [] };
  const asked = askAbout({ attempt: before, spec }, { step: 1, tool: step.tool, arguments: args }, verdict, limits);
  const proposal = eventOf('call_proposed', { ...step, ...asked });
  const answer: Omit<PayloadOf<'call_decided'>, 'answer_id' | 'owner' | 'agent' | 'target_partition' | 'source'> = {
    mission_id: MISSION,
    task_id: TASK,
    attempt: 1,
    approval_id: proposal.event_id,
    digest: asked.digest,
    approved: true,
    reason: '',
    answered_by: 'ann',
    answered_at: T0,
    signature: null,
    key_id: null,
    cluster: null,
  };
  const place = { answer_id: 'a', owner: 'o', agent: 'cert_agent', target_partition: 0, source: source(2) };
  const decision: EventOf<'call_decided'> = eventOf('call_decided', { ...answer, ...place });
  for (const record of recordsOf([proposal, decision], log.length)) evolveTaskPartition(state, record);
  const attempt = state.attempts.get(key);
  if (attempt?.waiting == null) throw new TypeError('a call waits');
  return { attempt, waiting: attempt.waiting };
}

const said = (nowMs: number, redact = same) => {
  const { attempt, waiting } = approved();
  return saidAbout({ attempt, spec: agentSpec('cert_agent') }, waiting, { verify: () => null, nowMs, redact });
};

test('approved in time it runs as long as its approval has not expired', () => {
  expect(said(EXPIRES)).toEqual({ approved_by: 'ann', refused_because: null });
  expect(said(EXPIRES + 1)).toEqual({
    approved_by: null,
    refused_because: 'its approval expired before it could begin',
  });
});

test('it does not run where its record would not be what was approved', () => {
  expect(said(T0, (text) => `${text} `)).toMatchObject({
    approved_by: null,
    refused_because: expect.stringContaining('what is a secret for the worker'),
  });
});
