// Twelve queues, each with a worker that returns 200 characters. argv: Redis' port.
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

const connect = () => new Redis({ host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null });
const work = async ({ data }) => ({ ok: true, id: data.id, text: 'x'.repeat(200) });
const workers = Array.from(
  { length: 12 },
  (_, agent) => new Worker(`agent${agent}`, work, { connection: connect(), concurrency: 20 }),
);
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
process.on('disconnect', () => process.exit());
process.send('ready');
