/** The floor of every fold: how fast a bare client reads the same records, decoding nothing. */
import { randomUUID } from 'node:crypto';
import type { BenchLog } from './bench-log.js';

export interface RawRead {
  readonly records: number;
  readonly seconds: number;
  readonly recordsPerSecond: number;
}

/** Reads topics from their beginning to where they end now; the time runs from the first record to the last. */
export async function readRaw({ kafka, log }: BenchLog, topics: readonly string[]): Promise<RawRead> {
  const ends = await Promise.all(topics.map((topic) => log.admin.offsets(topic)));
  const expected = ends.flat().reduce((sum, { low, high }) => sum + high - low, 0);
  const groupId = `bench-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  let records = 0;
  let startedMs = 0;
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.FETCH_START, () => (startedMs ||= performance.now()));
    consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        records += batch.messages.length;
        if (records >= expected) resolve();
      },
    }).catch(reject);
  });
  const seconds = (performance.now() - startedMs) / 1000;
  await consumer.disconnect();
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteGroups([groupId]);
  await admin.disconnect();
  return { records, seconds, recordsPerSecond: records / seconds };
}
