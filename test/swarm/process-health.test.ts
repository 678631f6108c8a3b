import { createProcessHealthUnderTest, heldBackClaims } from './health.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createKafkaProxy } from '../support/kafka-proxy.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import { openKafkaLog } from '../kafka/kafka-under-test.js';

const ROSTER = [agentSpec('cert_agent')];
type Health = Awaited<ReturnType<typeof createProcessHealthUnderTest>>;

describe('a process that runs roles', () => {
  let swarm: RoleSwarm;
  let health: Health;
  afterEach(async () => {
    await swarm.close();
    await health.close();
  });

  test('is alive but not ready before every claim was read back, and ready after that', async () => {
    const claims = heldBackClaims(createMemoryLog({ clock: createSystemClock() }));
    swarm = await createRoleSwarm({ roster: ROSTER, log: claims.log });
    health = await createProcessHealthUnderTest();
    expect(await health.ask('/readyz')).toEqual([503, ['the process is starting']]);
    const [worker, orchestrator] = [await swarm.startWorker(), await swarm.startOrchestrator()];
    health.watch([worker.role, orchestrator.role]);
    expect(await health.ask('/livez')).toEqual([200, []]);
    const places = [swarm.topics.tasks('cert_agent'), swarm.topics.coordination].flatMap((topic) =>
      [0, 1].map((partition) => `${topic}/${partition}: the claim was not read back yet`),
    );
    expect(await health.ask('/readyz')).toEqual([503, places]);
    const [, ...others] = places;
    claims.release(1);
    await health.until('/readyz', (_status, reasons) => reasons.length < places.length);
    expect(await health.ask('/readyz')).toEqual([503, others]);
    claims.release(Infinity);
    await health.until('/readyz', (status) => status === 200);
  });

  test('is not ready while a record that this build cannot read blocks a partition, and says which', async () => {
    const log = createMemoryLog({ clock: createSystemClock() });
    swarm = await createRoleSwarm({ roster: ROSTER, log });
    health = await createProcessHealthUnderTest();
    const { role } = await swarm.startWorker();
    health.watch([role]);
    await health.until('/readyz', (status) => status === 200);
    const place = { topic: swarm.topics.tasks('cert_agent'), partition: 1 };
    const offset = log.writeForeign(place, 'x', { kind: 'unreadable', reason: 'schema 4711 is not known' });
    await health.until('/readyz', (status) => status === 503);
    expect(await health.ask('/readyz')).toEqual([
      503,
      [`${place.topic}/1 is blocked at offset ${offset}: schema 4711 is not known`],
    ]);
    expect((await health.ask('/livez'))[0]).toBe(200);
    log.makeReadable(place, offset, { kind: 'poison', reason: 'no event after all' });
    await health.until('/readyz', (status) => status === 200);
  });

  test('shows no secret in its reasons', async () => {
    const own = await createProcessHealthUnderTest();
    const reason = 'sasl: no user canary-of-health';
    const role = {
      start: async () => undefined,
      stop: async () => undefined,
      failed: new Promise<never>(() => undefined),
    };
    own.watch([{ ...role, health: () => ({ missing: [reason], stalled: [], held: [] }), readings: () => [] }]);
    expect(await own.ask('/readyz')).toEqual([503, ['sasl: no user [redacted: configured secret]']]);
    await own.close();
  });

  test('is not ready while it drains', async () => {
    swarm = await createRoleSwarm({ roster: ROSTER });
    health = await createProcessHealthUnderTest();
    const { role } = await swarm.startWorker();
    health.watch([role]);
    await health.until('/readyz', (status) => status === 200);
    await role.stop(0);
    expect((await health.ask('/readyz'))[1]).toContain('the worker is draining');
    health.drain();
    expect(await health.ask('/readyz')).toEqual([503, ['the process is draining']]);
  });
});

describeWithBroker('a process whose broker stops answering', () => {
  test('is not alive once its consumers have heard nothing for too long', async () => {
    const [broker = ''] = testBroker().brokers;
    const proxy = await createKafkaProxy(broker);
    const [log, through] = [
      await openKafkaLog(),
      await openKafkaLog({ brokers: [proxy.address], sessionTimeoutMs: 6_000 }),
    ];
    const swarm = await createRoleSwarm({ roster: ROSTER, log, prefix: `health-${process.pid}-${Date.now()}` });
    const health = await createProcessHealthUnderTest();
    const { role } = await swarm.startWorker(undefined, undefined, { log: through, timings: { stalledMs: 3_000 } });
    health.watch([role]);
    await health.until('/readyz', (status) => status === 200);
    expect((await health.ask('/livez'))[0]).toBe(200);
    proxy.freeze();
    await health.until('/livez', (status) => status === 503);
    expect((await health.ask('/livez'))[1]).toEqual([
      expect.stringMatching(
        new RegExp(`${swarm.topics.workerGroup('cert_agent')}: nothing heard of the group for \\d+ s`),
      ),
    ]);
    proxy.thaw();
    await health.until('/readyz', (status) => status === 200);
    await swarm.close();
    await Promise.all([health.close(), log.close(), through.close()]);
    await proxy.close();
  }, 90_000);
});
