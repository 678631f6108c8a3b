/**
 * The way out of the sandbox for one call: two sockets that only the call's relay can open, one of an HTTP proxy and
 * one for all other protocols. Both lead to the hosts that the agent's file names.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { hostAndPort, type NetworkConnection, type NetworkHost } from '../../domain/network.js';
import type { Clock, Timer } from '../../ports/clock.js';
import type { Account } from '../account.js';
import { makeSocketDirectory, type SocketKind } from '../socket-directory.js';
import { createConnectionLog } from './connection-log.js';
import { createHttpProxy, readAuthority } from './http-proxy.js';
import { join } from './join.js';
import {
  createOutbound,
  NETWORK_TIMINGS,
  NotConnected,
  type LookupAddresses,
  type NetworkTimings,
} from './outbound.js';

export interface GatewayOptions {
  readonly hosts: readonly NetworkHost[];
  /** Who may open the sockets; null: this process's user. */
  readonly account: Account | null;
  /** Directories that sandboxes mount; the sockets lie elsewhere. */
  readonly mounted: readonly string[];
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  onConnection(connection: NetworkConnection): void;
  readonly timings?: NetworkTimings;
  readonly lookup?: LookupAddresses;
}

export interface Gateway {
  /** Path of the HTTP proxy's socket. */
  readonly proxy: string;
  /** Path of the other one: a client says "HOST:PORT\n" first. */
  readonly direct: string;
  /** Closes every connection. Resolves when all of them are recorded and the sockets are gone. */
  close(): Promise<void>;
}

export const GATEWAY_SOCKETS = {
  prefix: 'ravenhelm-net-',
  names: ['proxy', 'direct'],
} as const satisfies SocketKind<string>;

/** A host name with its port. */
const MOST_FIRST_LINE = 300;

/** Rejects if the sockets cannot be made. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { hosts, account, mounted, clock, timings = NETWORK_TIMINGS } = options;
  const log = createConnectionLog(new Set(hosts.map(hostAndPort)), (connection) => options.onConnection(connection));
  const lookup = options.lookup === undefined ? {} : { lookup: options.lookup };
  const outbound = createOutbound({ hosts, log, clock, timings, ...lookup });
  const clients = new Set<Socket>();
  const servers = [
    createHttpProxy(outbound, timings),
    createServer(
      { allowHalfOpen: true },
      (client) => void relay(client, outbound, (settle) => clock.setTimer(timings.headMs, settle)),
    ),
  ];
  for (const server of servers) {
    // One that cannot take a connection (EMFILE) takes the next one; the client sees that this one is closed.
    server.on('error', () => undefined);
    server.on('connection', (client: Socket) => {
      clients.add(client);
      client.on('close', () => clients.delete(client));
    });
  }
  const directory = await makeSocketDirectory(GATEWAY_SOCKETS, mounted);
  const { proxy, direct } = directory.paths;
  const close = async () => {
    const ended = servers.map(stopped);
    await outbound.close();
    for (const client of clients) client.destroy();
    await Promise.all(ended);
    log.close();
    await directory.remove();
  };
  try {
    for (const [index, server] of servers.entries()) await listening(server, index === 0 ? proxy : direct);
    await directory.openTo(account);
  } catch (error) {
    await close();
    throw error;
  }
  return { proxy, direct, close };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Resolves when it listens no more and has no connection. */
function stopped(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** Any other protocol than HTTP: the first line names the host, the rest is passed on. */
async function relay(client: Socket, outbound: Outbound, inTime: (late: () => void) => Timer): Promise<void> {
  client.on('error', () => client.destroy());
  const target = readAuthority(await firstLine(client, inTime));
  if (target === null) {
    client.destroy();
    return;
  }
  try {
    const socket = await outbound.open(target.host, target.port);
    if (client.destroyed) socket.destroy();
    else join(client, socket);
  } catch (error) {
    client.destroy();
    if (!(error instanceof NotConnected)) throw error;
  }
}

type Outbound = ReturnType<typeof createOutbound>;

/** Without its line break; empty where none came. What follows stays in the stream. */
function firstLine(client: Socket, inTime: (late: () => void) => Timer): Promise<string> {
  return new Promise((resolve) => {
    let text = Buffer.alloc(0);
    const timer = inTime(() => settle(''));
    const settle = (line: string) => {
      timer.cancel();
      client.off('readable', read);
      client.off('close', stop);
      client.off('end', stop);
      resolve(line);
    };
    const stop = () => settle('');
    const read = () => {
      const chunk: unknown = client.read();
      if (!Buffer.isBuffer(chunk)) return;
      text = Buffer.concat([text, chunk]);
      const end = text.indexOf('\n');
      if (end >= 0) {
        if (text.length > end + 1) client.unshift(text.subarray(end + 1));
        settle(text.subarray(0, end).toString());
      } else if (text.length > MOST_FIRST_LINE) settle('');
    };
    client.on('readable', read);
    client.once('close', stop);
    client.once('end', stop);
  });
}
