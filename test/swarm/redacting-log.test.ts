import { createClient, createSwarm, defineAgent, type AgentEvent } from '../../src/index.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { redactingLogOf, unwrapped } from '../../src/swarm/redacting-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { readTopic } from '../support/read-topic.js';

const CANARY = 'canary-of-the-broker-password';

test('a log that carries its secrets is unwrapped to itself and them; any other log is left as it is', () => {
  const log = createMemoryLog({ clock: createSystemClock() });
  expect(unwrapped(redactingLogOf(log, [CANARY]))).toEqual({ log, secrets: [CANARY] });
  expect(unwrapped(log)).toEqual({ log, secrets: [] });
});

test("a worker knows the log's secrets: a call with one does not run, and no event has it", async () => {
  const log = redactingLogOf(createMemoryLog({ clock: createSystemClock() }), [CANARY]);
  const writer = defineAgent({
    name: 'writer',
    description: 'Writes.',
    prompt: 'Write.',
    playbooks: { work: { steps: [{ name: 'write', command: `echo ${CANARY} > said.txt` }] } },
  });
  const swarm = await createSwarm({ log, agents: [writer] });
  const client = createClient(swarm);
  const plan = { waves: [{ tasks: [{ agent: 'writer', description: 'Write.', playbook: 'work' }] }] };
  const events: AgentEvent[] = [];
  const report = await client.run(
    { name: 'say', brief: 'Write.', retries: 0, plan },
    { onEvent: (event) => events.push(event) },
  );
  const tasks = await readTopic(log, createTopicNames().tasks('writer'));
  await client.close();
  await swarm.close();
  expect(report.status).toBe('failed');
  expect(JSON.stringify(tasks)).toContain('secret-in-call');
  expect(JSON.stringify([...tasks, ...events])).not.toContain(CANARY);
});
