import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDeferred, type Deferred } from '../../src/domain/deferred.js';
import type { SnapshotFacts } from '../../src/ports/tools.js';
import { createSharedTakes, type SharedTakes } from '../../src/tools/snapshots/shared-takes.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { createHarness, never, removeTemporaryDirectories, temporaryDirectory } from './harness.js';

const factsOf = (wave: number): SnapshotFacts => ({ wave, begunNs: '0', digest: '', files: 0, bytes: 0, leftOut: 0 });
const settling = () => new Promise((resolve) => setImmediate(resolve));

afterAll(removeTemporaryDirectories);

let takes: SharedTakes;
/** Those that have begun, in order. */
let begun: Deferred<SnapshotFacts | null>[];
beforeEach(() => {
  takes = createSharedTakes();
  begun = [];
});

/** A taking that ends as the test says, or with its signal. */
const taking = (signal = never) => {
  const deferred = createDeferred<SnapshotFacts | null>();
  return async () => {
    begun.push(deferred);
    if (signal !== never) signal.addEventListener('abort', () => deferred.reject(signal.reason));
    return deferred.promise;
  };
};

test('tasks that ask for the snapshot of one wave share it, and only the first has its facts', async () => {
  const all = [1, 2, 3].map(() => takes.settled('wave', taking(), never));
  const other = takes.settled('another wave', taking(), never);
  await settling();
  expect(begun).toHaveLength(2);
  begun[0]?.resolve(factsOf(1));
  begun[1]?.resolve(factsOf(2));
  expect(await Promise.all(all)).toEqual([factsOf(1), null, null]);
  expect(await other).toEqual(factsOf(2));
  const later = takes.settled('wave', taking(), never);
  await settling();
  expect(begun).toHaveLength(3);
  begun[2]?.resolve(null);
  expect(await later).toBeNull();
});

test('if the first caller is stopped, the next one takes it; who waits can be stopped too', async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const all = [first.signal, second.signal, never, never].map((signal) =>
    takes.settled('wave', taking(signal), signal),
  );
  await settling();
  second.abort(new Error('the second'));
  await expect(all[1]).rejects.toThrow('the second');
  expect(begun).toHaveLength(1);
  first.abort(new Error('the first'));
  await expect(all[0]).rejects.toThrow('the first');
  await settling();
  expect(begun).toHaveLength(2);
  begun[1]?.resolve(factsOf(1));
  expect(await Promise.all(all.slice(2))).toEqual([factsOf(1), null]);
});

test('a failure is that of all who asked', async () => {
  const all = [1, 2].map(() => takes.settled('wave', taking(), never));
  await settling();
  begun[0]?.reject(new Error('the disk is broken'));
  for (const each of await Promise.allSettled(all)) expect(each).toMatchObject({ status: 'rejected' });
  expect(begun).toHaveLength(1);
});

test('at the end one runs and one waits, which later callers share: none misses what its task has left', async () => {
  const first = takes.end('wave', taking(), never);
  await settling();
  const later = [1, 2, 3].map(() => takes.end('wave', taking(), never));
  await settling();
  expect(begun).toHaveLength(1);
  begun[0]?.reject(new Error('the first failed'));
  await expect(first).rejects.toThrow('the first failed');
  await settling();
  expect(begun).toHaveLength(2);
  const last = takes.end('wave', taking(), never);
  begun[1]?.resolve(factsOf(1));
  expect(await Promise.all(later)).toEqual([factsOf(1), null, null]);
  await settling();
  begun[2]?.resolve(factsOf(2));
  expect(await last).toEqual(factsOf(2));
  expect(begun).toHaveLength(3);
});

test('at the end: where the one that waits is stopped, the next caller waits in its place', async () => {
  const stop = new AbortController();
  const first = takes.end('wave', taking(), never);
  await settling();
  const stopped = takes.end('wave', taking(stop.signal), stop.signal);
  const next = takes.end('wave', taking(), never);
  stop.abort(new Error('killed'));
  await expect(stopped).rejects.toThrow('killed');
  begun[0]?.resolve(factsOf(1));
  expect(await first).toEqual(factsOf(1));
  await settling();
  begun[1]?.resolve(factsOf(2));
  expect(await next).toEqual(factsOf(2));
});

test('the executor shares them between the tasks of a wave', async () => {
  const given = temporaryDirectory();
  for (let n = 0; n < 200; n += 1) writeFileSync(join(given, `${n}.txt`), `${n}\n`);
  const harness = await createHarness({ sandbox: 'off' });
  const marker = await workspaceMarker(given);
  const tasks = Array.from({ length: 8 }, (_, n) => ({
    ...harness.task(`task-${n}`),
    workspace: given,
    workspaceMarker: marker,
  }));
  const taken = async (wave: number, when: 'settled' | 'end') => {
    const all = await Promise.all(
      tasks.map((task) => harness.executor.takeSnapshot(task, wave, when, new AbortController().signal)),
    );
    return all.filter((facts) => facts !== null);
  };
  expect(await taken(0, 'settled')).toMatchObject([{ wave: 0, files: 200 }]);
  const ends = await taken(1, 'end');
  expect(ends.length).toBeLessThan(tasks.length / 2);
  expect(ends[0]).toMatchObject({ wave: 1, files: 200 });
});
