import { describeWithBroker, testBroker } from '../support/broker.js';
import { API, createKafkaProxy, FAULTS, type ApiName } from '../support/kafka-proxy.js';
import { createQuickSwarm, faultsOf, type QuickSwarm } from '../support/quick-mission.js';
import { supervise } from '../support/supervise.js';

describeWithBroker('a broker that fails', () => {
  let proxy: Awaited<ReturnType<typeof createKafkaProxy>>;
  let swarm: QuickSwarm;

  beforeEach(async () => {
    const [broker = ''] = testBroker().brokers;
    proxy = await createKafkaProxy(broker);
    swarm = await createQuickSwarm({ KAFKA_BROKERS: proxy.address });
  }, 60_000);
  afterEach(async () => {
    await swarm.close();
    await proxy.close();
  });

  test('leaves nothing unhandled, whichever answer it spoils and how; afterwards the swarm works', async () => {
    const processes = [supervise(swarm, '--role', 'orchestrator'), supervise(swarm, '--role', 'worker')];
    const names = Object.keys(API).filter((name): name is ApiName => name in API && name !== 'LeaveGroup');
    for (const fault of FAULTS) {
      let pending = names.length;
      const struck = names.map((name) =>
        proxy.strike(name, fault).then(() => {
          pending -= 1;
        }),
      );
      proxy.cutAll();
      // Something to write, to read and to commit, until every kind of answer was spoilt once. Requests may fail too.
      while (pending > 0) await swarm.run('submit', 'mission.yaml');
      await Promise.all(struck);
      proxy.cutAll();
    }
    const { code, stdout, stderr } = await swarm.run('submit', 'mission.yaml', '--wait', '--json');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout).status).toBe('completed');
    const left = proxy.strike('LeaveGroup', 'silent');
    const [orchestrator, worker] = await Promise.all(processes.map((process) => process.stop()));
    await left;
    expect([orchestrator, worker]).toEqual([0, 0]);
    expect(swarm.unhandled()).toBe('');
    expect(faultsOf(processes)).toEqual([]);
  }, 300_000);
});
