import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createRequestReader, startProxy, type Proxy } from './proxy.js';
import { freePorts } from './site.js';

/** A request of the protocol: its length, its kind, and some bytes. */
function request(apiKey: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(6 + bytes);
  buffer.writeInt32BE(2 + bytes, 0);
  buffer.writeInt16BE(apiKey, 4);
  return buffer;
}

describe('the kinds of requests in a stream of bytes', () => {
  const stream = Buffer.concat([request(9, 10), request(3, 0), request(0, 2)]);

  test.each([1, 2, 3, 5, 7, 100])('are found in pieces of %d bytes', (size) => {
    const read = createRequestReader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...read(stream.subarray(at, at + size)));
    expect(found).toEqual([9, 3, 0]);
  });
});

describe('the proxy', () => {
  let echo: Server;
  let proxy: Proxy;
  const clients: Socket[] = [];
  const client = async (): Promise<Socket> => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    clients.push(socket.on('error', () => undefined)); // a reset is a close, too
    await once(socket, 'connect');
    return socket;
  };
  const answer = async (socket: Socket, text: Buffer | string): Promise<string> => {
    const answered = once(socket, 'data');
    socket.write(text);
    return String((await answered)[0]);
  };

  beforeEach(async () => {
    const [own = 0, target = 0] = await freePorts(2);
    echo = createServer((socket) => void socket.on('error', () => undefined).pipe(socket)).listen(target, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await startProxy(own, target);
  });
  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await proxy.close();
    await once(echo.close(), 'close');
  });

  test('passes on what it is given, also in order while it delays', async () => {
    const socket = await client();
    expect(await answer(socket, 'one')).toBe('one');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    proxy.delay(30);
    socket.write('a');
    await answer(socket, 'b');
    proxy.delay(0);
    socket.write('c');
    while (text.length < 3) await once(socket, 'data');
    expect(text).toBe('abc');
  });

  test('cuts what is open and takes new connections', async () => {
    const socket = await client();
    await answer(socket, 'x');
    const closed = once(socket, 'close');
    expect(proxy.cut()).toBe(1);
    await closed;
    expect(await answer(await client(), 'again')).toBe('again');
  });

  test('refuses connections while configured to', async () => {
    proxy.refuse(true);
    const socket = await client();
    await once(socket, 'close');
    proxy.refuse(false);
    expect(await answer(await client(), 'again')).toBe('again');
  });

  test('breaks the connection of the next request of a kind, once', async () => {
    const socket = await client();
    const sprung = proxy.breakNext(9);
    await answer(socket, request(3, 4));
    const closed = once(socket, 'close');
    socket.write(request(9, 4));
    await Promise.all([sprung, closed]);
    const next = await client();
    expect((await answer(next, request(9, 4))).length).toBeGreaterThan(0);
  });
});
