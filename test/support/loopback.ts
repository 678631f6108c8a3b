/** HTTP servers of tests, on a free port of 127.0.0.1. */
import { once } from 'node:events';
import type { Server } from 'node:http';

export interface LoopbackServer {
  /** Such as http://127.0.0.1:40123. */
  readonly url: string;
  /** Ends its connections, too, also those that are in use. */
  close(): Promise<void>;
}

/** Resolves with the server's address. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('it listens on a port');
  return `http://127.0.0.1:${address.port}`;
}

/** As listen, with what ends it. */
export async function serve(server: Server): Promise<LoopbackServer> {
  return {
    url: await listen(server),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
