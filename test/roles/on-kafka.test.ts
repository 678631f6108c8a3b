import { fileURLToPath } from 'node:url';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { Logger } from '../../src/ports/logger.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { missionRunSuite } from './mission-run-suite.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const schemasDir = fileURLToPath(new URL('../../schemas', import.meta.url));

describeWithBroker('the roles on a real broker and registry', () => {
  missionRunSuite({
    async open() {
      const { brokers, registryUrl } = testBroker();
      const ids = createSystemIds();
      const prefix = `roles.${ids.uuid().slice(0, 8)}`;
      const log = await createKafkaLog({
        brokers,
        clientId: 'roles-test',
        registry: { url: registryUrl },
        schemasDir,
        prefix,
        clock: createSystemClock(),
        ids,
        random: Math.random,
        logger: silent,
      });
      return { log, prefix };
    },
    close: (log) => log.close(),
  });
});
