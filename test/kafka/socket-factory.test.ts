import { createServer } from 'node:net';
import { once } from 'node:events';
import { createSocketFactory } from '../../src/kafka/socket-factory.js';

test('a socket that still connects is released once, however often it is asked to', async () => {
  const server = createServer((socket) => void socket.resume());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const connected = new Promise<void>((resolve) => {
    // kafkajs passes null where there is no TLS; its type has no such case.
    const socket = createSocketFactory()({ host: '127.0.0.1', port: address.port, onConnect: resolve } as Parameters<
      ReturnType<typeof createSocketFactory>
    >[0]);
    const before = socket.listenerCount('connect');
    for (let times = 0; times < 20; times += 1) socket.unref();
    expect(socket.listenerCount('connect')).toBeLessThanOrEqual(before + 1);
    socket.on('connect', () => void socket.destroy());
  });
  await connected;
  server.close();
});
