import { attemptKey, partitionForKey, taskRecordKey } from '../../src/domain/partitioning.js';

describe('the partition of a key', () => {
  // Published test vectors of FNV-1a: another build, or another language, must come to the same partition.
  test.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('%j has the hash of FNV-1a', (key, hash) => {
    expect(partitionForKey(key, 2 ** 32)).toBe(hash);
  });

  test('lies within the topic and uses all of it', () => {
    const found = new Set(
      Array.from({ length: 200 }, (_, n) => partitionForKey(taskRecordKey('m', `deploy-cert_agent-wave${n}`), 6)),
    );
    expect([...found].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

test('each attempt of a task has its own key', () => {
  const task = { mission_id: 'm', task_id: 't' };
  expect(attemptKey({ ...task, attempt: 1 })).not.toBe(attemptKey({ ...task, attempt: 2 }));
});
