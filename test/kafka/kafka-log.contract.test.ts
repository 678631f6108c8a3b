import { jest } from '@jest/globals';
import avro from 'avsc';
import { describeLogContract } from '../contract/log-contract.js';
import { describeWithBroker } from '../support/broker.js';
import { createForeignWriter, openKafkaLog, registerSchema, wireBytes } from './kafka-under-test.js';

jest.setTimeout(60_000);

const AGENT_RETIRED = {
  type: 'record' as const,
  namespace: 'ravenhelm',
  name: 'AgentRetired',
  fields: [{ name: 'event_id', type: 'string' as const }],
};

describeWithBroker('Kafka', () => {
  describeLogContract('the log on Kafka', async () => {
    const log = await openKafkaLog();
    const foreign = await createForeignWriter();
    return {
      log,
      capabilities: { shared: true, durable: true },
      writePoison: (partition, key) => foreign.write(partition, key, Buffer.from('{"no":"avro"}')),
      async writeUnknownType(partition, key) {
        const schemaId = await registerSchema(AGENT_RETIRED);
        await foreign.write(
          partition,
          key,
          wireBytes(schemaId, avro.Type.forSchema(AGENT_RETIRED).toBuffer({ event_id: 'e' })),
        );
      },
      setCommitted: (groupId, partition, offset) => foreign.setCommitted(groupId, partition, offset),
      async close() {
        await foreign.close();
        await log.close();
      },
    };
  });
});
