import { createMemoryLog } from '../../src/memory/memory-log.js';
import { describeLogContract } from '../contract/log-contract.js';
import { systemClock } from '../contract/system-clock.js';

describeLogContract('the in-memory log', async () => {
  const log = createMemoryLog({ clock: systemClock });
  return {
    log,
    capabilities: { shared: false, durable: false },
    async writePoison(partition, key) {
      log.writeForeign(partition, key, { kind: 'poison', reason: 'not in the wire format' });
    },
    async writeUnknownType(partition, key) {
      log.writeForeign(partition, key, { kind: 'unreadable', reason: 'this build does not know the event' });
    },
    async setCommitted(groupId, partition, offset) {
      log.setCommitted(groupId, partition, { offset, metadata: '' });
    },
    close: () => log.close(),
  };
});
