/** A server that no agent may reach, on every address of this computer. It counts all that arrives. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface Canary {
  readonly port: number;
  /** Of this computer, IPv4 and IPv6. */
  readonly addresses: readonly string[];
  /** What has arrived so far, one text for each connection and each datagram. */
  hits(): readonly string[];
  close(): Promise<void>;
}

/** TCP and UDP on the same port. */
export async function startCanary(): Promise<Canary> {
  const hits: string[] = [];
  const server = createServer((socket) => {
    hits.push(`connection from ${socket.remoteAddress}`);
    socket.on('error', () => socket.destroy()).resume();
    socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
  });
  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
  // :: takes IPv4 too.
  server.listen(0, hasIpv6 ? '::' : '0.0.0.0');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the canary has no port');
  const { port } = address;
  const datagrams = createSocket(
    hasIpv6 ? 'udp6' : 'udp4',
    (_, from) => void hits.push(`datagram from ${from.address}`),
  );
  datagrams.bind(port, hasIpv6 ? '::' : '0.0.0.0');
  await once(datagrams, 'listening');
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return {
    port,
    addresses: [
      ...new Set([
        ...['127.0.0.1', 'localhost', ...(hasIpv6 ? ['::1'] : [])],
        ...own.filter(({ family }) => family === 'IPv4').map((i) => i.address),
      ]),
    ],
    hits: () => hits,
    async close() {
      datagrams.close();
      server.close();
      await once(server, 'close');
    },
  };
}
