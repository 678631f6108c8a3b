/** The floor of every fold: what it costs a bare client to read the same records, decoding nothing. */
import { randomUUID } from 'node:crypto';
import type { BenchLog } from './bench-log.js';

export interface RawRead {
  readonly records: number;
  readonly perCpuSecond: number;
}

/** Reads topics from their beginning to where they end now, in this process; nothing else runs in it meanwhile. */
export async function readRaw({ kafka, log }: BenchLog, topics: readonly string[]): Promise<RawRead> {
  const ends = await Promise.all(topics.map((topic) => log.admin.offsets(topic)));
  const expected = ends.flat().reduce((sum, { low, high }) => sum + high - low, 0);
  const groupId = `bench-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  let records = 0;
  const before = process.cpuUsage();
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          records += batch.messages.length;
          if (records >= expected) resolve();
        },
      })
      .catch(reject);
  });
  const { user, system } = process.cpuUsage(before);
  await consumer.disconnect();
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteGroups([groupId]);
  await admin.disconnect();
  return { records, perCpuSecond: (records * 1e6) / (user + system) };
}
