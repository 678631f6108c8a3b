import { once } from 'node:events';
import { createServer as createHttpServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import { connect, createServer, isIPv4, type AddressInfo, type Server, type Socket } from 'node:net';
import type { NetworkConnection, NetworkHost } from '../../../src/domain/network.js';
import { clock } from '../harness.js';
import { openGateway, type Gateway, type GatewayOptions } from '../../../src/tools/network/gateway.js';

const open: (() => unknown)[] = [];

export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

/** A server of 127.0.0.1; resolves with its port. Its connections end with the test. */
async function listen(server: Server, address = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, address);
  await once(server, 'listening');
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const found: AddressInfo | string | null = server.address();
  if (found === null || typeof found === 'string') throw new Error('no port');
  return found.port;
}

export const listenHttp = (listener: RequestListener): Promise<number> => listen(createHttpServer(listener));

export const listenTcp = (onSocket: (socket: Socket) => void, address?: string): Promise<number> =>
  listen(createServer({ allowHalfOpen: true }, onSocket), address);

export const localhost = (port: number): NetworkHost => ({ host: 'localhost', port, addresses: [] });

export interface TestGateway extends Gateway {
  readonly connections: NetworkConnection[];
  /** The names that were looked up. */
  readonly asked: string[];
}

/** @param names the addresses of each name; others have none */
export async function testGateway(
  hosts: readonly NetworkHost[],
  names: Readonly<Record<string, readonly string[]>> = {},
  options: Partial<GatewayOptions> = {},
): Promise<TestGateway> {
  const connections: NetworkConnection[] = [];
  const asked: string[] = [];
  const gateway = await openGateway({
    hosts,
    account: null,
    mounted: [],
    clock,
    onConnection: (connection) => connections.push(connection),
    lookup: async (host) => {
      asked.push(host);
      const found = names[host];
      if (found === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return found;
    },
    ...options,
  });
  open.push(() => gateway.close());
  return { ...gateway, connections, asked };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A request to the proxy's socket, by default GET. */
export function ask(
  gateway: Gateway,
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: gateway.proxy, path, method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Bytes to one of the sockets; resolves with all that comes back when the other side has ended. */
export function say(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Closed with bytes that were not read.
      if (error.code !== 'ECONNRESET') reject(error);
    });
    socket.on('close', () => resolve(Buffer.concat(parts).toString()));
    socket.on('end', () => socket.end());
    socket.write(text);
  });
}

/** host:port of a server, as an entry that names 127.0.0.1 for it. */
export const named = (host: string, port: number): NetworkHost => ({
  host,
  port,
  addresses: isIPv4(host) ? [] : ['127.0.0.1'],
});
