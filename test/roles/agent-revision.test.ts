/** An open attempt keeps the revision of its agent, and the checks that prove it are those of its assignment. */
import type { EventOf } from '../../src/domain/events.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import { assignment } from './assignment.js';

const AGENT = 'cert_agent';
/** The agent as its file says it at one time: its steps and its playbook's check carry the revision's name. */
const revision = (digest: string) =>
  agentSpec(AGENT, {
    digest,
    playbooks: {
      work: {
        name: 'work',
        steps: [{ name: 'work', command: `${digest} step`, unless: null }],
        acceptance: [{ name: 'done', command: `${digest} check` }],
      },
    },
  });
const MONDAY = revision('monday');
const TUESDAY = revision('tuesday');

const failures = (swarm: RoleSwarm) =>
  swarm.events.filter((event): event is EventOf<'task_failed'> => event.event_type === 'task_failed');
const proofs = (swarm: RoleSwarm): readonly (readonly string[])[] =>
  swarm.events.flatMap((event) =>
    event.event_type === 'task_completed' ? [event.payload.result.checks.map(({ command }) => command)] : [],
  );

describe('an attempt and the revision of its agent', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  test('an assignment carries the digest of the agent and the checks of its playbook', async () => {
    swarm = await createRoleSwarm({ roster: [MONDAY] });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    await swarm.ended(await swarm.submit({ success: [{ name: 'whole', command: 'check all' }] }));
    const assigned = swarm.events.flatMap((event) => (event.event_type === 'task_assigned' ? [event.payload] : []));
    expect(
      assigned.map(({ kind, agent_digest, playbook_acceptance }) => [kind, agent_digest, playbook_acceptance]),
    ).toEqual([
      ['task', 'monday', MONDAY.playbooks['work']?.acceptance],
      ['task', 'monday', MONDAY.playbooks['work']?.acceptance],
      ['verify', null, []],
      ['verify', null, []],
    ]);
  });

  test.each([
    ['a newer', MONDAY, TUESDAY],
    ['an older', TUESDAY, MONDAY],
  ])('a worker with %s file fails the attempt as retriable, and runs nothing of it', async (_, assigned, own) => {
    swarm = await createRoleSwarm({ roster: [assigned] });
    await swarm.startOrchestrator();
    await swarm.startWorker(undefined, undefined, { roster: [own] });
    const report = await swarm.ended(await swarm.submit({ retries: 0 }));
    expect(report.status).toBe('failed');
    expect(failures(swarm)[0]?.payload).toMatchObject({
      code: 'agent_revision',
      retriable: true,
      steps: 0,
      error:
        `this worker has revision ${own.digest} of ${AGENT}, and the attempt was assigned with ${assigned.digest}: ` +
        `give the orchestrator and the workers of ${AGENT} the same file`,
    });
    expect(swarm.ledger.starts).toEqual([]);
  });

  test('a worker with another file that takes over an attempt fails it; the next has the new revision', async () => {
    let hung = false;
    swarm = await createRoleSwarm({
      roster: [MONDAY],
      behaviour: (command) => (command === 'monday step' ? ((hung = true), 'hang') : 'ok'),
    });
    const orchestrator = await swarm.startOrchestrator();
    const first = await swarm.startWorker();
    const id = await swarm.submit({ retries: 5 });
    await swarm.until(() => hung);
    await orchestrator.kill();
    await first.kill();
    await swarm.startOrchestrator({}, { roster: [TUESDAY] });
    await swarm.startWorker(undefined, undefined, { roster: [TUESDAY] });
    const report = await swarm.ended(id);
    expect(report.status).toBe('completed');
    expect(report.tasks[0]).toMatchObject({ status: 'verified', attempts: 2 });
    expect(failures(swarm)[0]?.payload).toMatchObject({ attempt: 1, code: 'agent_revision' });
    expect(proofs(swarm)[0]).toEqual(['tuesday check']);
  });

  test('an assignment of an older build, without a digest and checks, runs with the file that is here', async () => {
    swarm = await createRoleSwarm({ roster: [MONDAY], partitions: 1 });
    await swarm.startWorker();
    const appender = swarm.log.createAppender('test');
    const old = { ...assignment(1), playbook: 'work', acceptance: [{ name: 'own', command: 'own check' }] };
    expect([old.agent_digest, old.playbook_acceptance]).toEqual([null, null]);
    await appender.append({
      topic: swarm.topics.tasks(AGENT),
      partition: 0,
      key: 'k',
      event: swarm.createEvent({ type: 'task_assigned', from: 'orchestrator', to: AGENT, payload: old }),
    });
    await appender.close();
    await swarm.until(() => swarm.eventsOf('task_completed').length > 0);
    expect(proofs(swarm)[0]).toEqual(['own check', 'monday check']);
  });

  test('the checks are those of the assignment, also where the worker reads others from its file', async () => {
    swarm = await createRoleSwarm({ roster: [MONDAY] });
    await swarm.startOrchestrator();
    await swarm.startWorker(undefined, undefined, { roster: [{ ...TUESDAY, digest: 'monday' }] });
    await swarm.ended(await swarm.submit());
    expect(proofs(swarm)[0]).toEqual(['monday check']);
  });
});
