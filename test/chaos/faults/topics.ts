/** Changes of topics: more partitions, records that are too large, a recreated topic, records deleted too early. */
import { statusOf } from '../../../src/domain/mission-state.js';
import { isRetriable, protocolErrorType } from '../../../src/kafka/errors.js';
import { PromiseBroken, type Fault, type World } from '../fault.js';
import type { Accepted } from '../workload.js';

const END_LIMIT_MS = 300_000;

const grow: Fault = {
  name: 'partitions-added',
  what: 'a tasks topic gets one more partition',
  recovery: 'its group detects and assigns it; nothing to undo',
  takes: 'topics',
  async strike({ cluster, topics, random, site }) {
    const topic = topics.tasks(random.pick(['scout_agent', 'smith_agent']));
    let before: number | null = null;
    const count = await site.until(`one more partition of ${topic}`, END_LIMIT_MS, () =>
      cluster
        .admin(async (admin) => {
          const {
            topics: [found],
          } = await admin.fetchTopicMetadata({ topics: [topic] });
          const partitions = found?.partitions.length ?? 0;
          before ??= partitions;
          // More already: the answer to an earlier request was lost.
          if (partitions === before) await admin.createPartitions({ topicPartitions: [{ topic, count: before + 1 }] });
          return before;
        })
        .catch((error: unknown) => {
          if (wantsAnotherBroker(error)) return null;
          throw error;
        }),
    );
    await cluster.whole();
    // The worker that is assigned a partition claims it with its first record.
    await site.until(`a claim in ${topic}/${count}`, 120_000, () =>
      cluster
        .admin(async (admin) =>
          (await admin.fetchTopicOffsets(topic)).some(({ partition, high }) => partition === count && Number(high) > 0)
            ? true
            : null,
        )
        .catch(() => null),
    );
  },
};

const oversized: Fault = {
  name: 'oversized-record',
  what: 'a model gives a step that is too large for any topic (1.3 MB), beside valid ones',
  recovery: 'that task fails with the reason; the others continue',
  takes: 'topics',
  async strike(world) {
    const mission = await submitted(world, 'oversized');
    const status = await endOf(world, mission);
    if (status !== 'failed')
      throw new PromiseBroken(`${mission.missionId} had a step that cannot be written, and ended as ${status}`);
  },
};

/** The last resort of an operator. What was in the topic is lost by definition, and is counted apart. */
const recreate: Fault = {
  name: 'topic-recreated',
  what: 'the coordination topic and its group’s offsets are deleted and recreated while the orchestrators are stopped',
  recovery: 'new missions are processed; the missions in the old topic are lost',
  takes: 'everything',
  async strike(world) {
    const { cluster, fleet, observer, topics, workload, site, run } = world;
    const orchestrators = fleet.of('orchestrator');
    await workload.stop();
    await Promise.all(orchestrators.map((member) => member.end()));
    await observer.forgetCoordination();
    await cluster.admin((admin) => admin.deleteTopics({ topics: [topics.coordination] }));
    await site.until('the end of the topic', 60_000, () =>
      cluster.admin(async (admin) => ((await admin.listTopics()).includes(topics.coordination) ? null : true)),
    );
    await site.until('the end of the group', 120_000, () =>
      cluster
        .admin((admin) => admin.deleteGroups([topics.orchestratorGroup]))
        .then(
          () => true as const,
          () => null,
        ),
    );
    const init = await run('init');
    if (init.code !== 0) throw new PromiseBroken(`ravenhelm init after the topic was deleted: ${init.stderr}`);
    await cluster.whole();
    await observer.resume();
    for (const member of orchestrators) member.begin();
    await Promise.all(orchestrators.map((member) => member.serving()));
    const status = await endOf(world, await submitted(world, 'steady'));
    workload.start();
    if (status !== 'completed')
      throw new PromiseBroken(`the first mission after the topic was recreated ended as ${status}`);
  },
};

const retention: Fault = {
  name: 'retention-passes-task',
  what: 'the records of an open task are deleted',
  recovery: 'its worker sets the partition apart and names it; `ravenhelm recover` resumes it while the worker runs',
  takes: 'everything',
  async strike(world) {
    const { cluster, fleet, observer, topics, site, run } = world;
    const keeper = await fleet.add({
      name: `keeper-${fleet.members.length}`,
      role: 'worker',
      agents: ['keeper_agent'],
      restarts: false,
    });
    try {
      const mission = await submitted(world, 'hold');
      const call = await site.until(
        'the step of the task',
        60_000,
        () => observer.calls.find(({ missionId }) => missionId === mission.missionId) ?? null,
      );
      const { topic, partition } = { topic: topics.tasks('keeper_agent'), partition: call.partition };
      await keeper.destroy();
      await cluster.admin(async (admin) => {
        const end = (await admin.fetchTopicOffsets(topic)).find((each) => each.partition === partition)?.high ?? '0';
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: end }] });
      });
      keeper.begin();
      await site.until('a worker that names the partition whose task is gone', 120_000, () =>
        keeper.log().includes('"event":"partition.set_apart"') ? true : null,
      );
      if (!keeper.log().includes('ravenhelm recover'))
        throw new PromiseBroken(`${keeper.name} met deleted records and did not say what to do`);
      const recovered = await run('recover', topic, String(partition), '--accept-loss');
      if (recovered.code !== 0) throw new PromiseBroken(`ravenhelm recover: ${recovered.stderr}`);
      await site.until('the worker no longer names the recovered partition', 120_000, () =>
        keeper.log().includes('"event":"partition.set_apart_ended"') ? true : null,
      );
      if (keeper.unasked.length > 0) throw new PromiseBroken(`${keeper.name} ended for one lost partition`);
      await endOf(world, mission);
      const status = await endOf(world, await submitted(world, 'hold'));
      if (status !== 'completed') throw new PromiseBroken(`the mission after the recovery ended as ${status}`);
    } finally {
      await keeper.end();
    }
  },
};

/** Another fault may have stopped a broker: the one that was asked, or one of the three that three replicas want. */
function wantsAnotherBroker(error: unknown): boolean {
  return isRetriable(error) || protocolErrorType(error) === 'INVALID_REPLICATION_FACTOR';
}

async function submitted({ workload, site }: World, kind: Accepted['kind']): Promise<Accepted> {
  return site.until(`a ${kind} mission is taken`, 60_000, () => workload.submit(kind));
}

async function endOf({ observer, site }: World, { missionId }: Accepted): Promise<string> {
  return site.until(`the end of ${missionId}`, END_LIMIT_MS, () => {
    const mission = observer.view().mission(missionId);
    const status = mission === null ? 'open' : statusOf(mission);
    return status === 'open' ? null : status;
  });
}

export const TOPIC_FAULTS: readonly Fault[] = [grow, oversized, recreate, retention];
export { endOf, submitted };
