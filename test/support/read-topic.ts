import type { WatchReader } from '../../src/domain/topic-names.js';
import type { AnyRecord, Log } from '../../src/ports/log.js';

/** Everything that a topic holds now, undecodable records included. @param reader as whom; default a client */
export async function readTopic(log: Log, topic: string, reader?: WatchReader): Promise<readonly AnyRecord[]> {
  const records: AnyRecord[] = [];
  const note = (record: AnyRecord) => void records.push(record);
  return new Promise((resolve, reject) => {
    const watching = log.watch({
      topics: [topic],
      from: 'beginning',
      ...(reader === undefined ? {} : { reader }),
      onRecord: note,
      onUndecodable: note,
      onFatal: reject,
      onCaughtUp: () => void watching.then((watch) => watch.stop()).then(() => resolve(records), reject),
    });
    watching.catch(reject);
  });
}
