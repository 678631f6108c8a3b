import { createMemoryLog } from '../../src/memory/memory-log.js';
import { createClient } from '../../src/client/create-client.js';
import { AppendForbidden, AppendRejected, TopicMissing, type Log, type LogRecord } from '../../src/ports/log.js';
import { systemClock } from '../contract/system-clock.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import { withAppend } from '../support/with-append.js';

let swarm: RoleSwarm;
afterEach(() => swarm.close());

/** A log whose tasks topics refuse records of one kind as often as there are reasons. */
const refusing = (event: string, reasons: Error[]): Log =>
  withAppend(createMemoryLog({ clock: systemClock }), (append) => (request) => {
    const isRefused = request.event.event_type === event && request.topic.includes('.tasks.');
    const reason = isRefused ? reasons.shift() : undefined;
    return reason === undefined ? append(request) : Promise.reject(reason);
  });

const forbidden = () => new AppendForbidden('This client may not write to test.tasks.cert_agent');
const missing = () => new AppendRejected('there is no topic', { cause: new TopicMissing('there is no topic') });

const isSentCancel = ({ topic, content }: LogRecord): boolean =>
  topic.includes('.tasks.') && content.kind === 'event' && content.event.event_type === 'task_cancelled';

test.each([
  ['a right', forbidden],
  ['a topic', missing],
])('an assignment that lacks %s is made again, and its reason is not that it is too large', async (_, reason) => {
  const log = refusing('task_assigned', [reason()]);
  swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], log });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  expect((await swarm.ended(await swarm.submit())).status).toBe('completed');
  expect(swarm.eventsOf('task_failed').map(({ payload }) => payload)).toEqual([
    expect.objectContaining({
      attempt: 1,
      code: 'undeliverable',
      retriable: true,
      error: `the assignment could not be written: ${reason().message}`,
    }),
  ]);
  await log.close();
});

test('a right that lacks for long uses up neither retries nor the patience with an agent', async () => {
  const log = refusing('task_assigned', [forbidden(), forbidden(), forbidden(), forbidden()]);
  swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], log });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  expect((await swarm.ended(await swarm.submit({ retries: 0 }))).status).toBe('completed');
  expect(swarm.eventsOf('task_failed').map(({ payload }) => payload)).toMatchObject(
    [1, 2, 3, 4].map((attempt) => ({ attempt, code: 'undeliverable' })),
  );
  await log.close();
});

test('a cancel that a right keeps from its worker ends the orchestrator, and the next one sends it', async () => {
  const log = refusing('task_cancelled', [forbidden()]);
  swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], log, behaviour: () => 'hang' });
  const first = await swarm.startOrchestrator();
  await swarm.startWorker();
  const mission = await swarm.submit();
  await swarm.until(() => swarm.ledger.starts.length > 0);
  const client = createClient({ log, agents: [agentSpec('cert_agent')], workspaceRoot: '.', prefix: 'test' });
  await client.cancel(mission, 'enough');
  await client.close();
  await expect(first.role.failed).resolves.toMatchObject({ code: 'not_authorized' });
  await first.kill();
  await swarm.startOrchestrator();
  expect((await swarm.ended(mission)).status).toBe('cancelled');
  await swarm.until(() => swarm.records.some(isSentCancel));
  await log.close();
});

test('a worker that may not write its journal any more ends, and no task fails by it', async () => {
  const log = refusing('tool_called', [forbidden()]);
  swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], log });
  await swarm.startOrchestrator();
  const first = await swarm.startWorker();
  const mission = await swarm.submit();
  await expect(first.role.failed).resolves.toMatchObject({ code: 'not_authorized' });
  await first.kill();
  await swarm.startWorker();
  expect((await swarm.ended(mission)).status).toBe('completed');
  expect(swarm.eventsOf('task_failed')).toEqual([]);
  await log.close();
});
