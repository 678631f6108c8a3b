/** What a worker's coming or going costs a very large group: the product's own assignment, on the in-memory log. */
import { assignPartitions, type AssignedMember } from '../../src/domain/assign-partitions.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { GroupMember, PartitionConsumer } from '../../src/ports/log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { figure, type Finding } from '../support/report.js';
import { rounds } from '../support/statistics.js';

export interface ScaleOptions {
  readonly rounds: number;
  readonly workers: number;
  /** Of one agent's tasks topic. */
  readonly partitions: number;
}

const TOPIC = 'tasks';
const GROUP = 'workers';

/**
 * Workers join one group one after the other; then, round by round, one more comes and goes, and a tenth goes at once.
 */
export async function measureRebalance({
  rounds: count,
  workers,
  partitions,
}: ScaleOptions): Promise<readonly Finding[]> {
  const log = createMemoryLog({ clock: createSystemClock() });
  await log.admin.ensureTopics([{ name: TOPIC, partitions, replicationFactor: null, config: {} }]);
  let opened = 0;
  const consumer: PartitionConsumer = {
    onRecords: () => undefined,
    onBlocked: () => undefined,
    onUnblocked: () => undefined,
    onClosed: () => undefined,
  };
  const join = (): Promise<GroupMember> =>
    log.joinGroup({
      groupId: GROUP,
      topics: [TOPIC],
      open() {
        opened += 1;
        return consumer;
      },
      onFatal(error) {
        throw error;
      },
    });
  const members: GroupMember[] = [];
  for (let number = 0; number < workers; number += 1) members.push(await join());

  /** ms that it took, and partitions that were opened by another worker than before. */
  const costOf = async (change: () => Promise<void>) => {
    const [before, startedMs] = [opened, performance.now()];
    await change();
    return { ms: performance.now() - startedMs, moved: opened - before };
  };
  const joins = await rounds(count, () => costOf(async () => void members.push(await join())));
  const leaves = await rounds(count, () => costOf(async () => members.shift()?.leave()));
  const idle = Array.from(
    { length: workers },
    (_, number): AssignedMember => ({ id: `worker-${number}`, topics: [TOPIC], held: [] }),
  );
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic: TOPIC, partition }));
  const shares = assignPartitions(all, idle);
  const holding = idle.map((member) => ({ ...member, held: shares.get(member.id) ?? [] }));
  const timed = (work: () => void) => {
    const startedMs = performance.now();
    work();
    return performance.now() - startedMs;
  };
  return [
    {
      title: `one agent's group of ${workers} workers on ${partitions} partitions`,
      figures: [
        figure('one more comes', 'ms', ...joins.map(({ ms }) => ms)),
        figure('partitions that move', 'partitions', ...joins.map(({ moved }) => moved)),
        figure('one goes', 'ms', ...leaves.map(({ ms }) => ms)),
        figure('partitions that move then', 'partitions', ...leaves.map(({ moved }) => moved)),
        figure(
          'all are assigned from nothing',
          'ms',
          ...(await rounds(count, async () => timed(() => assignPartitions(all, idle)))),
        ),
        figure(
          'a tenth goes at once',
          'ms',
          ...(await rounds(count, async () =>
            timed(() => assignPartitions(all, holding.slice(Math.ceil(workers / 10)))),
          )),
        ),
        figure('what the members tell the leader', 'bytes', JSON.stringify(holding.map(({ held }) => held)).length),
      ],
    },
  ];
}
