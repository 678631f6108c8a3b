/** What an agent may reach, from its file to the tool, and its connections back to the log and to people. */
import type { NetworkConnection, NetworkHost } from '../../src/domain/network.js';
import { createAttemptJournal } from '../../src/domain/attempt-journal.js';
import { reportAttempt } from '../../src/domain/attempt-report.js';
import type { EventOf } from '../../src/domain/events.js';
import type { ToolCall } from '../../src/ports/tools.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const HOSTS: readonly NetworkHost[] = [{ host: 'a.example', port: 443, addresses: [] }];
const CONNECTION: NetworkConnection = {
  host: 'a.example',
  port: 443,
  address: '1.1.1.1',
  outcome: 'ended',
  reason: null,
  bytesSent: 10,
  bytesReceived: 20,
  durationMs: 30,
  count: 1,
};
const REFUSED: NetworkConnection = {
  ...CONNECTION,
  host: 'b.example',
  address: null,
  outcome: 'refused',
  reason: 'why',
};

let swarm: RoleSwarm;
afterEach(() => swarm.close());

async function run(network?: readonly NetworkHost[]): Promise<readonly ToolCall[]> {
  const calls: ToolCall[] = [];
  swarm = await createRoleSwarm({
    roster: [agentSpec('cert_agent', network === undefined ? {} : { network })],
    behaviour(_, call) {
      if (call === undefined) return 'ok';
      calls.push(call);
      if (call.step === 1) for (const one of [CONNECTION, REFUSED]) call.network?.onConnection(one);
      return 'ok';
    },
  });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  await swarm.ended(await swarm.submit({}));
  return calls;
}

test("a call gets its agent's hosts, and each connection is an event of its step", async () => {
  const calls = await run(HOSTS);
  expect(calls.map(({ network }) => network?.hosts)).toEqual([HOSTS, HOSTS, HOSTS]);
  const events = swarm.events.filter(
    (event): event is EventOf<'connection_ended'> => event.event_type === 'connection_ended',
  );
  const [first] = calls;
  const about = { mission_id: first?.task.missionId, task_id: first?.task.taskId, attempt: 1, step: 1 };
  const numbers = { bytes_sent: 10, bytes_received: 20, duration_ms: 30, connections: 1 };
  expect(events.map(({ source_agent, payload: { owner: _owner, ...payload } }) => [source_agent, payload])).toEqual([
    [
      'cert_agent',
      { ...about, ...numbers, host: 'a.example', port: 443, address: '1.1.1.1', outcome: 'ended', reason: null },
    ],
    [
      'cert_agent',
      { ...about, ...numbers, host: 'b.example', port: 443, address: null, outcome: 'refused', reason: 'why' },
    ],
  ]);
  const call = swarm.events.find((event) => event.event_type === 'tool_called');
  expect(events.map((event) => event.causation_id)).toEqual([call?.event_id, call?.event_id]);
});

test('they are in the report of the attempt, at their step', async () => {
  await run(HOSTS);
  const journal = createAttemptJournal(() => true);
  const own = swarm.records.find(
    ({ content }) => content.kind === 'event' && content.event.event_type === 'connection_ended',
  );
  const ended = swarm.records
    .filter(({ topic, partition }) => topic === own?.topic && partition === own.partition)
    .flatMap(({ offset, timestampMs, content }) =>
      content.kind === 'event' ? journal.apply({ offset, timestampMs, event: content.event }) : [],
    );
  const [report] = ended.map(reportAttempt);
  expect(report?.steps.map(({ connections }) => connections.map(({ host, outcome }) => [host, outcome]))).toEqual([
    [
      ['a.example', 'ended'],
      ['b.example', 'refused'],
    ],
    [],
    [],
    [],
  ]);
  expect(report?.connections).toEqual([]);
});

test('a call of an agent without a network has none', async () => {
  const calls = await run();
  expect(calls.every(({ network }) => network === undefined)).toBe(true);
  expect(swarm.events.some((event) => event.event_type === 'connection_ended')).toBe(false);
});
