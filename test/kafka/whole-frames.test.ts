import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createClientFactory } from '../../src/kafka/kafka-client.js';
import { FrameInvalid, wholeFrames } from '../../src/kafka/whole-frames.js';
import { silentLogger } from './kafka-under-test.js';

const frame = (text: string): Buffer => {
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeInt32BE(text.length);
  bytes.write(text, 4);
  return bytes;
};

describe('the answers of a connection', () => {
  const collect = () => {
    const frames: string[] = [];
    return { frames, read: wholeFrames((bytes) => void frames.push(bytes.subarray(4).toString())) };
  };

  test('are delivered whole, however they are cut', () => {
    const stream = Buffer.concat([frame('first'), frame(''), frame('the second one'), frame('third')]);
    for (let size = 1; size <= stream.length; size++) {
      const { frames, read } = collect();
      for (let at = 0; at < stream.length; at += size) read(stream.subarray(at, at + size));
      expect(frames).toEqual(['first', '', 'the second one', 'third']);
    }
  });

  test('half of one is kept back', () => {
    const { frames, read } = collect();
    read(frame('never finished').subarray(0, 9));
    expect(frames).toEqual([]);
  });

  test.each([
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['an HTTP server', Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
    ['a TLS alert', Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46])],
  ])('%s is no answer, and the error names the settings', (_name, bytes) => {
    expect(() => collect().read(bytes)).toThrow(FrameInvalid);
    expect(() => collect().read(bytes)).toThrow(/KAFKA_BROKERS and KAFKA_TLS/);
  });
});

/** A server that answers the first request of each connection with bytes of the test's choice. */
async function answering(
  answer: (request: Buffer, connection: number, socket: Socket) => Buffer,
): Promise<{ readonly server: Server; readonly port: number }> {
  let connections = 0;
  const server = createServer((socket) => {
    const connection = connections++;
    socket.on('error', () => undefined); // the client ends connections as it likes
    socket.on('data', (request) => socket.write(answer(request, connection, socket)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return { server, port: address.port };
}

describe('a broker that answers nonsense', () => {
  test.each([
    ['an empty answer, which kafkajs would read beyond its end', Buffer.from([0, 0, 0, 0])],
    ['an answer of two bytes', Buffer.from([0, 0, 0, 2, 1, 1])],
    ['a length below zero', Buffer.from([0x80, 0, 0, 0])],
    ['the answer of an HTTP server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('rejects what waits for it and throws nowhere else: %s', async (_name, bytes) => {
    const { server, port } = await answering(() => bytes);
    const admin = createClientFactory(
      { brokers: [`127.0.0.1:${port}`], clientId: 'test' },
      silentLogger,
    )({ retry: { retries: 1, initialRetryTime: 1 } }).admin();
    await expect(admin.connect()).rejects.toThrow();
    await admin.disconnect();
    server.close();
  });

  test('half an answer of one connection is not read before the next one', async () => {
    const seen: number[] = [];
    const { server, port } = await answering((request, connection, socket) => {
      seen.push(connection);
      if (connection === 0) {
        setImmediate(() => socket.destroy());
        return Buffer.from([0, 0, 0, 100, 9, 9, 9]);
      }
      return apiVersions(request.readInt32BE(8));
    });
    const admin = createClientFactory(
      { brokers: [`127.0.0.1:${port}`], clientId: 'test' },
      silentLogger,
    )({ retry: { retries: 5, initialRetryTime: 1 } }).admin();
    await admin.connect();
    expect(Math.max(...seen)).toBeGreaterThan(0);
    await admin.disconnect();
    server.close();
  });
});

/** An answer to ApiVersions v0 to v2: no error, Metadata in the versions 0 to 5, no throttling. */
function apiVersions(correlationId: number): Buffer {
  const bytes = Buffer.alloc(4 + 4 + 2 + 4 + 6 + 4);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeInt32BE(correlationId, 4);
  bytes.writeInt32BE(1, 10);
  bytes.writeInt16BE(3, 14);
  bytes.writeInt16BE(5, 18);
  return bytes;
}
