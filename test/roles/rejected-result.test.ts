import { createMemoryLog } from '../../src/memory/memory-log.js';
import { AppendRejected, type Log } from '../../src/ports/log.js';
import { systemClock } from '../contract/system-clock.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import { withAppend } from '../support/with-append.js';

let swarm: RoleSwarm;
afterEach(() => swarm.close());

/** The journal takes the result; the coordination topic, whose limit may be lower, does not. */
function logWithoutRoomFor(result: 'task_completed' | 'task_failed'): Log {
  let first = true;
  return withAppend(createMemoryLog({ clock: systemClock }), (append) => (request) => {
    const refused = request.topic === swarm.topics.coordination && request.event.event_type === result;
    if (!refused || !first) return append(request);
    first = false;
    return Promise.reject(new AppendRejected('the record is too large'));
  });
}

test.each([
  ['task_completed', 'ok', true],
  ['task_failed', 'fail', true],
] as const)(
  'a %s that the coordination topic cannot take is a failed task, and says why',
  async (result, how, fenced) => {
    swarm = await createRoleSwarm({
      log: logWithoutRoomFor(result),
      roster: [agentSpec('cert_agent')],
      behaviour: (command) => (command === 'cert_agent step 2' ? how : 'ok'),
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const report = await swarm.ended(await swarm.submit({ retries: 0 }));
    const detail = expect.stringMatching(
      /^the result of \S+\/deploy-cert_agent-wave1\/1 could not be written: the record is too large/,
    );
    // The plan is revised; that task itself has no second attempt.
    expect(report.tasks[0]).toMatchObject({
      task_id: 'deploy-cert_agent-wave1',
      status: 'failed',
      attempts: 1,
      detail,
    });
    const [sent] = swarm.records.flatMap(({ topic, content }) =>
      topic === swarm.topics.coordination && content.kind === 'event' && content.event.event_type === 'task_failed'
        ? [content.event.payload]
        : [],
    );
    expect(sent).toMatchObject({ code: 'too_large', retriable: false, checks: [], artifacts: null, fenced });
    expect(sent?.error).toEqual(detail);
  },
);
