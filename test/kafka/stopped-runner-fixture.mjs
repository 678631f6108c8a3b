// A consumer of kafkajs that is stopped while its set of brokers changes. Says `stopped` when stopping came to its end;
// what is tested is that it does: the defect hangs the whole process, so that it needs a separate one.
import Runner from 'ravenhelm-kafkajs/src/consumer/runner.js';
import { setTimeout as delay } from 'node:timers/promises';
import { endFetchersOfStoppedConsumers } from '../../dist/kafka/stopped-runner.js';

if (process.argv[2] !== 'as-it-is') endFetchersOfStoppedConsumers();

let nodeIds = ['1', '2'];
let slowFetch = () => undefined;
const slowFetchBegan = new Promise((resolve) => (slowFetch = resolve));
const silent = { namespace: () => silent, debug() {}, info() {}, warn() {}, error() {} };
const runner = new Runner({
  logger: silent,
  instrumentationEmitter: { emit() {} },
  concurrency: 1,
  eachBatch: async () => undefined,
  heartbeatInterval: 500,
  onCrash(error) {
    throw error;
  },
  retry: { retries: 2, initialRetryTime: 10 },
  consumerGroup: {
    groupId: 'g',
    memberId: 'm',
    getNodeIds: () => nodeIds,
    connect: async () => undefined,
    joinAndSync: async () => undefined,
    leave: async () => undefined,
    heartbeat: async () => undefined,
    async fetch(nodeId) {
      if (nodeId === '2') {
        slowFetch();
        await delay(200);
      } else await delay(10);
      return [];
    },
  },
});

await runner.start();
await slowFetchBegan;
nodeIds = ['1']; // the fetcher of 1 notices, and waits for that of 2 before new ones are made
await delay(50);
await runner.stop();
process.stdout.write('stopped\n');
