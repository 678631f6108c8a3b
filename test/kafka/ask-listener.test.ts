import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { askListener } from '../../src/kafka/ask-listener.js';

/** An answer to SaslHandshake: refused, with so many names, the first of so many bytes. */
function handshakeAnswer(asked: Buffer, names: number, length: number): Buffer {
  const answer = Buffer.alloc(18);
  answer.writeInt32BE(14, 0);
  asked.copy(answer, 4, 8, 12); // the correlation id
  answer.writeInt16BE(33, 8); // UNSUPPORTED_SASL_MECHANISM
  answer.writeInt32BE(names, 10);
  answer.writeInt16BE(length, 14);
  return answer;
}

describe('a listener that answers what no broker answers', () => {
  test.each([-1, -2, -100, -32_768])(
    'names of %i bytes: it is asked to its end, and names no mechanism',
    async (length) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', (asked: Buffer) => socket.end(handshakeAnswer(asked, 0x7fffffff, length)));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const { port } = server.address() as AddressInfo;
        const listener = await askListener({ host: '127.0.0.1', port }, undefined);
        expect(listener).toEqual({ kind: 'kafka', tls: false, mechanisms: [] });
      } finally {
        server.close();
      }
    },
  );
});
