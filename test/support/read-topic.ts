import type { AnyRecord, Log } from '../../src/ports/log.js';

/** Everything that a topic holds now, undecodable records included. */
export async function readTopic(log: Log, topic: string): Promise<readonly AnyRecord[]> {
  const records: AnyRecord[] = [];
  const note = (record: AnyRecord) => void records.push(record);
  return new Promise((resolve, reject) => {
    const watching = log.watch({
      topics: [topic],
      from: 'beginning',
      onRecord: note,
      onUndecodable: note,
      onFatal: reject,
      onCaughtUp: () => void watching.then((watch) => watch.stop()).then(() => resolve(records), reject),
    });
    watching.catch(reject);
  });
}
