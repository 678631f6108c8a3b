// Runs missions: each wave adds its jobs and waits for all of them. argv: Redis' port.
import { EventEmitter } from 'node:events';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';

EventEmitter.defaultMaxListeners = 0;
const connect = () => new Redis({ host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null });
const agents = await Promise.all(
  Array.from({ length: 12 }, async (_, agent) => {
    const name = `agent${agent}`;
    const queue = new Queue(name, { connection: connect(), defaultJobOptions: { removeOnComplete: 1000 } });
    const events = new QueueEvents(name, { connection: connect() });
    await events.waitUntilReady();
    return { queue, events };
  }),
);

async function call(task) {
  const { queue, events } = agents[task % agents.length];
  const job = await queue.add('task', { id: task });
  await job.waitUntilFinished(events, 60_000);
}

process.on('disconnect', () => process.exit());
process.on('message', async ({ waves, tasks }) => {
  for (let wave = 0; wave < waves; wave += 1) await Promise.all(Array.from({ length: tasks }, (_, task) => call(task)));
  process.send('done');
});
process.send('ready');
