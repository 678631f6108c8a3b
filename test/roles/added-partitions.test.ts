import { createForeignWriter, openKafkaLog } from '../kafka/kafka-under-test.js';
import { describeWithBroker } from '../support/broker.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

/** Missions from before. */
const EARLY = 6;
/** Far more than are submitted while the group is given the added partitions. */
const MOST_LATE = 500;

describeWithBroker('partitions that are added to an agent’s tasks topic while the swarm runs', () => {
  test('are used for new tasks without a restart; a task that is tried again stays in its partition', async () => {
    const prefix = `added.${crypto.randomUUID().slice(0, 8)}`;
    const log = await openKafkaLog({ prefix, metadataAgeMs: 500 });
    const operator = await createForeignWriter();
    let failures = EARLY;
    const swarm = await createRoleSwarm({
      roster: [agentSpec('cert_agent', { concurrency: 50 })],
      log,
      prefix,
      partitions: 1,
      behaviour: (command) => {
        if (command === 'cert_agent step 1' && failures === EARLY) return 'hang';
        return command === 'cert_agent step 2' && failures-- > 0 ? 'fail' : 'ok';
      },
    });
    // Decisions only: the tasks topics hold copies of them.
    const assigned = () =>
      swarm.records.flatMap(({ topic, content }) =>
        topic === swarm.topics.coordination && content.kind === 'event' && content.event.event_type === 'task_assigned'
          ? [content.event.payload]
          : [],
      );
    const submit = async () => {
      const id = await swarm.submit();
      await swarm.until(() => assigned().some(({ mission_id }) => mission_id === id));
      return id;
    };
    try {
      await swarm.startOrchestrator();
      const { tools } = await swarm.startWorker();
      const early: string[] = [];
      while (early.length < EARLY) early.push(await submit());
      await swarm.until(() => tools.ledger.starts.length === EARLY);

      await operator.growTo(swarm.topics.tasks('cert_agent'), 8);
      const late: string[] = [];
      const isSpread = () => assigned().some(({ target_partition }) => target_partition > 0);
      while (!isSpread() && late.length < MOST_LATE) late.push(await submit());
      expect(isSpread()).toBe(true);
      // Now the first attempts of the early tasks continue, fail, and are tried again.
      failures -= 1;
      tools.release();
      const reports = await Promise.all([...early, ...late].map((id) => swarm.ended(id)));
      expect(reports.map(({ status }) => status)).toEqual(reports.map(() => 'completed'));
      expect(assigned().filter(({ mission_id, attempt }) => early.includes(mission_id) && attempt > 1)).not.toEqual([]);
      const placesOf = (id: string) =>
        new Set(
          assigned()
            .filter(({ mission_id }) => mission_id === id)
            .map(({ target_partition }) => target_partition),
        ).size;
      expect([...early, ...late].map(placesOf)).toEqual(reports.map(() => 1));
    } finally {
      await swarm.close();
      await operator.close();
      await log.close();
    }
  }, 120_000);
});
