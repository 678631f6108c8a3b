import type { AgentEvent } from '../../src/domain/events.js';
import type { NetworkConnection } from '../../src/domain/network.js';
import { policyThatAsks } from '../support/asking-policy.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const roster = [agentSpec('cert_agent'), agentSpec('proxy_agent', { dependsOn: ['cert_agent'], phase: 2 })];

/** The types of the events that may have caused one of a type; null: it has no cause. */
const CAUSES: Readonly<Partial<Record<AgentEvent['event_type'], readonly (AgentEvent['event_type'] | null)[]>>> = {
  partition_opened: [null],
  partition_claimed: [null],
  heartbeat: [null],
  mission_requested: [null],
  plan_requested: ['mission_requested'],
  plan_proposed: ['plan_requested'],
  plan_approved: ['plan_proposed'],
  // Decisions that are made together have one cause.
  wave_started: ['plan_approved', 'task_completed'],
  task_assigned: ['plan_approved', 'task_completed'],
  dependency_required: ['plan_approved'],
  dependency_satisfied: ['task_completed'],
  task_accepted: ['task_assigned'],
  task_started: ['task_assigned'],
  task_progress: ['tool_called'],
  tool_called: ['task_assigned'],
  tool_returned: ['tool_called'],
  task_completed: ['task_assigned'],
  wave_completed: ['task_completed'],
  mission_completed: ['task_completed'],
};

const CAUSES_OF_NEWER: Readonly<Partial<Record<AgentEvent['event_type'], readonly (string | null)[]>>> = {
  request_accepted: ['mission_requested'],
  call_proposed: ['task_assigned'],
  task_paused: ['call_proposed'],
  call_answered: [null],
  call_decided: ['call_answered'],
  task_resumed: ['call_proposed'],
  connection_ended: ['tool_called'],
};
const CONNECTION: NetworkConnection = {
  ...{ host: 'a.example', port: 443, address: '1.1.1.1', outcome: 'ended', reason: null },
  ...{ bytesSent: 1, bytesReceived: 1, durationMs: 1, count: 1 },
};

describe('the cause of an event', () => {
  test("every event of a mission names the event that led to it, and a person's request names none", async () => {
    const swarm = await createRoleSwarm({ roster });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    await swarm.ended(await swarm.submit({ success: [{ name: 'whole', command: 'check all' }] }));
    const typeOf = new Map(swarm.events.map((event) => [event.event_id, event.event_type]));
    const wrong = swarm.events.flatMap(({ event_type, causation_id }) => {
      const cause = causation_id === null ? null : (typeOf.get(causation_id) ?? 'unknown');
      const allowed: readonly (string | null)[] | undefined = CAUSES[event_type];
      return allowed === undefined || allowed.includes(cause) ? [] : [`${event_type} by ${cause}`];
    });
    expect(wrong).toEqual([]);
    const seen = new Set<string>(swarm.events.map(({ event_type }) => event_type));
    const unseen = Object.keys(CAUSES).filter((type) => !seen.has(type));
    expect(unseen).toEqual([]);
    await swarm.close();
  });

  test('a call, its outcome and a result are caused within their task', async () => {
    const swarm = await createRoleSwarm({ roster });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    await swarm.ended(await swarm.submit());
    const byId = new Map(swarm.events.map((event) => [event.event_id, event]));
    const taskOf = ({ payload }: AgentEvent) => ('task_id' in payload ? payload.task_id : null);
    const ofTasks = swarm.events.filter((event) =>
      ['tool_called', 'tool_returned', 'task_accepted', 'task_started', 'task_completed'].includes(event.event_type),
    );
    expect(ofTasks.length).toBeGreaterThanOrEqual(22);
    for (const event of ofTasks) {
      const cause = byId.get(event.causation_id ?? '');
      expect(cause === undefined ? null : taskOf(cause)).toBe(taskOf(event));
    }
    await swarm.close();
  });

  test('a call that a person approves, its connections and accepted requests name theirs', async () => {
    const swarm = await createRoleSwarm({
      roster: [agentSpec('cert_agent', { network: [{ host: 'a.example', port: 443, addresses: [] }] })],
      policy: policyThatAsks('step 2'),
      askMs: 60_000,
      verifyAnswer: () => null,
      verifyRequest: () => null,
      behaviour(_, call) {
        call?.network?.onConnection(CONNECTION);
        return 'ok';
      },
    });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const id = await swarm.submit();
    const waiting = () => swarm.view.report(id)?.waiting_calls[0];
    await swarm.until(() => waiting() !== undefined);
    const call = waiting();
    if (call === undefined) throw new TypeError('it waits');
    const { approval_id, digest, task_id, attempt } = call;
    const about = { mission_id: id, task_id, attempt, approval_id, digest };
    const said = { approved: true, reason: '', answered_by: 'ann', answered_at: Date.now() };
    const payload = { ...about, ...said, signature: null, key_id: null, cluster: null };
    await swarm.append(swarm.createEvent({ type: 'call_answered', from: 'ann', missionId: id, payload }), id);
    await swarm.ended(id);
    const byId = new Map(swarm.events.map((event) => [event.event_id, event.event_type]));
    const causes = new Map<string, Set<string | null>>();
    for (const { event_type, causation_id } of swarm.events) {
      const known = causes.get(event_type) ?? new Set();
      causes.set(event_type, known.add(causation_id === null ? null : (byId.get(causation_id) ?? 'unknown')));
    }
    expect(
      Object.fromEntries(Object.keys(CAUSES_OF_NEWER).map((type) => [type, [...(causes.get(type) ?? [])]])),
    ).toEqual(CAUSES_OF_NEWER);
    await swarm.close();
  });

  test('a retry that a timer starts has no event as its cause; the decision to retry has the failure', async () => {
    let failures = 0;
    const behaviour = (command: string) =>
      command === 'cert_agent step 2' && failures++ === 0 ? ('fail' as const) : ('ok' as const);
    const swarm = await createRoleSwarm({ roster: roster.slice(0, 1), behaviour });
    await swarm.startOrchestrator({ retryBackoff: { baseMs: 20, maxMs: 20 } });
    await swarm.startWorker();
    await swarm.ended(await swarm.submit());
    const typeOf = new Map(swarm.events.map((event) => [event.event_id, event.event_type]));
    const [retry] = swarm.eventsOf('task_retry_scheduled');
    expect(typeOf.get(retry?.causation_id ?? '')).toBe('task_failed');
    const second = swarm.events.find((event) => event.event_type === 'task_assigned' && event.payload.attempt === 2);
    expect(second).toMatchObject({ causation_id: null });
    await swarm.close();
  });
});
