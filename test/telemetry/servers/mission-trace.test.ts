/** A mission that runs over three processes, one of which is killed, as a real collector receives it. */
import { spanIdOf, traceIdOf } from '../../../src/avro/trace-ids.js';
import { testBroker } from '../../support/broker.js';
import { is } from '../../support/is-event.js';
import { LEDGER_AGENTS, LEDGER_MISSION, ledgerAgent } from '../../support/ledger-mission.js';
import { spanSeedsOf } from '../../support/span-seeds.js';
import { createSwarmProcesses, type SwarmProcesses } from '../../support/swarm-processes.js';
import { describeWithCollector, startCollector, type Collector } from '../support/collector.js';

describeWithCollector('a mission over three processes with one of them killed', () => {
  let collector: Collector;
  let swarm: SwarmProcesses;
  beforeAll(async () => {
    collector = await startCollector();
    swarm = await createSwarmProcesses({
      agents: { first_agent: ledgerAgent('first_agent', 2), second_agent: ledgerAgent('second_agent', 0) },
      mission: LEDGER_MISSION,
      broker: testBroker(),
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_METRICS_EXPORTER: 'none' },
    });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(LEDGER_AGENTS);
  }, 60_000);
  afterAll(async () => {
    await swarm.close();
    await collector.stop();
  });

  test('is one whole tree of distinct spans: none is missing, and none is there under two ids', async () => {
    const orchestrator = swarm.start('--role', 'orchestrator');
    const workers = [swarm.start('--role', 'worker'), swarm.start('--role', 'worker')];
    await swarm.until(() => (swarm.events.filter(is('service_ready')).length >= 2 ? true : undefined));
    const waited = swarm.run('submit', 'mission.yaml', '--wait', '--json');
    const call = await swarm.until(() =>
      swarm.events
        .filter(is('tool_called'))
        .find(({ payload }) => payload.arguments.includes('first_agent two') && payload.arguments.includes('sleep')),
    );
    const killed = workers.find((worker) => call.payload.owner.includes(`-${worker.pid}-`));
    expect(killed).toBeDefined();
    await killed?.kill();
    const { code, stdout } = await waited;
    expect(code).toBe(0);
    const missionId: string = JSON.parse(stdout).mission_id;
    // What is left is sent when a process ends.
    for (const each of [orchestrator, ...workers.filter((worker) => worker !== killed)])
      expect(await each.terminate()).toBe(0);

    const spans = await collector.spans();
    const { chat, ...seeds } = spanSeedsOf(swarm.events);
    expect(chat).toEqual([]); // playbooks only
    const expected = Object.values(seeds).flat().map(spanIdOf);
    expect(expected.length).toBeGreaterThan(12);
    expect([...new Set(spans.map(({ spanId }) => spanId))].sort()).toEqual([...expected].sort());
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([traceIdOf(missionId)]));

    // The step that the killed process had begun, and the one before it, which it may not have sent.
    const steps = swarm.events
      .filter(is('tool_called'))
      .filter(({ payload }) => payload.task_id === call.payload.task_id);
    expect(new Set(steps.map(({ payload }) => payload.owner)).size).toBe(2);
    const roots = new Set(spans.filter(({ parentSpanId }) => parentSpanId === null).map(({ spanId }) => spanId));
    expect(roots.size).toBe(1);
    const ids = new Set(expected);
    expect(spans.filter(({ parentSpanId }) => parentSpanId !== null && !ids.has(parentSpanId))).toEqual([]);
    // A span that was sent twice says the same both times.
    const said = new Map<string, string>();
    for (const { resource, ...span } of spans) {
      const text = JSON.stringify(span, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
      expect(said.get(span.spanId) ?? text).toBe(text);
      said.set(span.spanId, text);
      expect(resource).toMatchObject({ 'service.name': 'ravenhelm' });
    }
    const senders = new Set(spans.map(({ resource }) => JSON.stringify(resource)));
    expect(senders.size).toBeGreaterThanOrEqual(2);
  }, 120_000);
});
