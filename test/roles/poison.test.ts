import { randomUUID } from 'node:crypto';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { createForeignWriter, openKafkaLog } from '../kafka/kafka-under-test.js';
import { readTopic } from '../support/read-topic.js';
import { describeWithBroker } from '../support/broker.js';
import { poisonSuite } from './poison-suite.js';

describe('poison on the in-memory log', () => {
  const POISON = {
    'no-wire-format': { kind: 'poison', reason: 'not in the Confluent wire format', value: Buffer.from('garbage') },
    'no-value': { kind: 'poison', reason: 'no value', value: null },
    contradiction: {
      kind: 'poison',
      reason: 'the bytes contradict schema 7: truncated',
      value: Buffer.from([0, 0, 0, 0, 7, 1]),
    },
  } as const;
  poisonSuite(async () => {
    const log = createMemoryLog({ clock: systemClock });
    return {
      log,
      prefix: 'poison',
      writePoison: async (place, kind, key) => void log.writeForeign(place, key, POISON[kind], { theirs: 'kept' }),
      close: () => log.close(),
    };
  });
});

describeWithBroker('poison on a real broker', () => {
  poisonSuite(async () => {
    const prefix = `poison-${randomUUID()}`;
    const log = await openKafkaLog({ prefix });
    const foreign = await createForeignWriter();
    /** Half an event, behind the id of its schema. */
    const contradiction = async (): Promise<Buffer> => {
      const topic = `${prefix}.sample`;
      await log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);
      const appender = log.createAppender('sample');
      await appender.append({ topic, partition: 0, key: 'k', event: statusRequest('half of it') });
      await appender.close();
      const value = (await readTopic(log, topic))[0]?.bytes?.value ?? Buffer.alloc(0);
      return Buffer.from(value.subarray(0, value.length / 2));
    };
    const POISON = {
      'no-wire-format': Buffer.from([0xff, 0xfe, 0x80]),
      'no-value': null,
      contradiction: await contradiction(),
    };
    return {
      log,
      prefix,
      writePoison: (place, kind, key) => foreign.write(place, key, POISON[kind], { theirs: Buffer.from([0x80, 0x81]) }),
      async close() {
        await foreign.close();
        await log.close();
      },
    };
  });
});
