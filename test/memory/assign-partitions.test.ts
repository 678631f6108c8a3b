import { assignPartitions, type AssignedMember } from '../../src/domain/assign-partitions.js';

describe('assigning partitions to members', () => {
  const topic = 'tasks';
  const partitions = (count: number, name = topic) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition }));
  const member = (id: string, held: readonly number[] = [], topics = [topic]): AssignedMember => ({
    id,
    topics,
    held: held.map((partition) => ({ topic, partition })),
  });
  const assign = (count: number, ...members: readonly AssignedMember[]) =>
    Object.fromEntries(
      [...assignPartitions(partitions(count), members)].map(([id, share]) => [
        id,
        share.map(({ partition }) => partition).sort((a, b) => a - b),
      ]),
    );

  test('assigns evenly if no member holds a partition', () => {
    expect(assign(6, member('a'), member('b'))).toEqual({ a: [0, 2, 4], b: [1, 3, 5] });
    expect(
      Object.values(assign(7, member('a'), member('b'), member('c')))
        .map((share) => share.length)
        .sort(),
    ).toEqual([2, 2, 3]);
  });

  test('a joining member gets its share, and no other partition moves', () => {
    const after = assign(6, member('a', [0, 2, 4]), member('b', [1, 3, 5]), member('c'));
    expect(after['c']).toHaveLength(2);
    expect([0, 2, 4]).toEqual(expect.arrayContaining(after['a'] ?? []));
    expect([1, 3, 5]).toEqual(expect.arrayContaining(after['b'] ?? []));
  });

  test('the partitions of a leaving member go to the others, and no other partition moves', () => {
    const after = assign(6, member('a', [0, 2]), member('c', [4, 5]));
    expect(after['a']).toEqual(expect.arrayContaining([0, 2]));
    expect(after['c']).toEqual(expect.arrayContaining([4, 5]));
    expect(after['a']?.length).toBe(3);
  });

  test('gives each partition to one member, even if two report that they hold it', () => {
    const after = assign(4, member('a', [0, 1, 2, 3]), member('b', [0, 1, 2, 3]));
    expect(Object.values(after).flat().sort()).toEqual([0, 1, 2, 3]);
    expect(after['a']).toHaveLength(2);
  });

  test('more members than partitions leaves some without', () => {
    expect(Object.values(assign(1, member('a'), member('b'))).flat()).toEqual([0]);
  });

  test('a member that wants only some gets those that no other keeps; the others share the rest as without it', () => {
    const only = (id: string, held: readonly number[]) => ({ ...member(id, held), only: true });
    expect(assign(4, member('a', [0, 1]), member('b', [3]), only('c', [2]))).toEqual({ a: [0, 1], b: [3], c: [2] });
    expect(assign(4, member('b', [0, 1, 2, 3]), only('a', [2]))).toEqual({ a: [], b: [0, 1, 2, 3] });
    expect(assign(4, only('a', [1, 2, 3]), member('b'))).toEqual({ a: [1, 2, 3], b: [0] });
    expect(assign(3, only('a', [1]))).toEqual({ a: [1] });
  });

  test('gives no member a topic that it did not subscribe to', () => {
    const assigned = assignPartitions(
      [...partitions(2), ...partitions(2, 'status')],
      [member('a', [], ['tasks']), member('b', [], ['status'])],
    );
    expect(assigned.get('a')).toEqual(partitions(2));
    expect(assigned.get('b')).toEqual(partitions(2, 'status'));
  });
});
