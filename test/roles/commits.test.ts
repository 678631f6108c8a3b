import type { ReplayPoint } from '../../src/domain/record.js';
import type { CommittedOffset, GroupMember, PartitionId } from '../../src/ports/log.js';
import { createCommits } from '../../src/roles/shared/commits.js';
import { silentLogger } from '../kafka/kafka-under-test.js';

const point: ReplayPoint = { offset: 7, metadata: 'fold' };
const of = (partition: number) => ({ topic: 'tasks', partition });

describe('replay points', () => {
  test('that a commit left out are not taken for committed, and are sent again with the next', async () => {
    let takes: (partition: PartitionId) => boolean = ({ partition }) => partition === 0;
    const sent: number[][] = [];
    const member: GroupMember = {
      async commit(commits: readonly (PartitionId & CommittedOffset)[]) {
        sent.push(commits.map(({ partition }) => partition));
        return commits.filter(takes);
      },
      isAssigned: () => true,
      health: () => ({ silentMs: 0, opening: [], setApart: [] }),
      leave: async () => undefined,
    };
    const told: number[] = [];
    const partitions = [0, 1].map((partition) => ({
      ...of(partition),
      replayPoint: () => point,
      onCommitted: () => void told.push(partition),
    }));
    const commits = createCommits(silentLogger);

    await commits.run(member, partitions);
    expect([sent, told]).toEqual([[[0, 1]], [0]]);
    takes = () => true;
    await commits.run(member, partitions);
    expect([sent, told]).toEqual([
      [[0, 1], [1]],
      [0, 1],
    ]);
    await commits.run(member, partitions);
    expect(sent).toHaveLength(2);
  });
});
