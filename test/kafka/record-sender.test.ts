import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Kafka, logLevel } from 'ravenhelm-kafkajs';
import { createRecordSender, NotConnected } from '../../src/kafka/record-sender.js';
import { until } from '../contract/until.js';

test('a broker that accepts connections and says nothing is left with none of them', async () => {
  const connections = new Set<Socket>();
  let accepted = 0;
  const deaf = createServer((socket) => {
    accepted += 1;
    connections.add(socket.resume());
    socket.on('close', () => connections.delete(socket));
  });
  await once(deaf.listen(0, '127.0.0.1'), 'listening');
  const address = deaf.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const sender = createRecordSender(
    () =>
      new Kafka({
        brokers: [`127.0.0.1:${address.port}`],
        requestTimeout: 50,
        retry: { retries: 0 },
        logLevel: logLevel.NOTHING,
      }),
  );
  try {
    await expect(sender.send([])).rejects.toThrow(NotConnected);
    await expect(sender.send([])).rejects.toThrow(NotConnected);
    expect(accepted).toBeGreaterThanOrEqual(2);
    await until('the end of every connection', () => connections.size === 0, 5_000);
  } finally {
    await sender.close();
    connections.forEach((socket) => socket.destroy());
    deaf.close();
  }
});
