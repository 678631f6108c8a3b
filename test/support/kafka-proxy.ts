import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { wholeFrames } from '../../src/kafka/whole-frames.js';

/** Requests of the Kafka protocol by their key. */
export const API = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  ApiVersions: 18,
} as const;
export type ApiName = keyof typeof API;

/**
 * What happens instead of an answer. cut: the connection ends. half: it ends in the middle of the answer. silent: it
 * stays open and says nothing any more. corrupt: the answer's content is overwritten. nonsense: an answer of no bytes.
 */
export const FAULTS = ['cut', 'half', 'silent', 'corrupt', 'nonsense'] as const;
export type Fault = (typeof FAULTS)[number];
/** Changes a whole answer, its length of four bytes included. */
export type Rewrite = (answer: Buffer) => Buffer;

interface Armed {
  readonly fault: Fault | Rewrite;
  struck(): void;
}

/** Clients that connect here reach the broker, and take this proxy for its address, until a fault is asked for. */
export async function createKafkaProxy(broker: string) {
  const upstreamAddress = addressOf(broker);
  const connections = new Set<Socket>();
  const armed = new Map<number, Armed>();
  const rewrites = new Map<number, Rewrite>();
  let frozen = false;
  let refusing = false;
  const server = createServer((client) => {
    if (refusing) return void client.destroy();
    const upstream = connect(upstreamAddress);
    const pending = new Map<number, number>();
    const ends = [client, upstream];
    let silent = false;
    const end = () => ends.forEach((socket) => socket.destroy());
    for (const socket of ends) {
      connections.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        connections.delete(socket);
        end();
      });
    }
    client.on(
      'data',
      wholeFrames((request) => {
        pending.set(request.readInt32BE(8), request.readInt16BE(4));
        upstream.write(request);
      }),
    );
    upstream.on(
      'data',
      wholeFrames((answer) => {
        if (silent || frozen || client.destroyed) return;
        const correlationId = answer.readInt32BE(4);
        const api = pending.get(correlationId) ?? -1;
        pending.delete(correlationId);
        const strike = armed.get(api);
        const rewrite = rewrites.get(api) ?? ((whole) => whole);
        const redirected = rewrite(redirect(answer, upstreamAddress, portOf()));
        if (strike === undefined) return void client.write(redirected);
        armed.delete(api);
        silent = strike.fault === 'silent';
        if (typeof strike.fault === 'function') client.write(strike.fault(redirected));
        else misbehave(strike.fault, redirected, client, end);
        strike.struck();
      }),
    );
  });
  server.listen(0); // on both loopback addresses: the broker may call itself localhost
  await once(server, 'listening');

  function portOf(): number {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen on a port');
    return address.port;
  }

  return {
    address: `${upstreamAddress.host}:${portOf()}`,
    /** Spoils or changes the next answer to such a request; resolves when that has happened. */
    strike(api: ApiName, fault: Fault | Rewrite): Promise<void> {
      return new Promise((resolve) => void armed.set(API[api], { fault, struck: resolve }));
    },
    /** Changes every answer to such requests, until the returned function is called. */
    rewriteAll(api: ApiName, rewrite: Rewrite): () => void {
      rewrites.set(API[api], rewrite);
      return () => void rewrites.delete(API[api]);
    },
    /** From now on nothing is answered, and no connection ends. */
    freeze: () => void (frozen = true),
    /** The end of a freeze: every connection is cut, and new ones work. */
    thaw() {
      frozen = false;
      connections.forEach((socket) => socket.destroy());
    },
    /** Every connection ends, and new ones do at once, until accept(). */
    refuse() {
      refusing = true;
      connections.forEach((socket) => socket.destroy());
    },
    accept: () => void (refusing = false),
    cutAll: () => connections.forEach((socket) => socket.destroy()),
    async close(): Promise<void> {
      const closed = once(server, 'close');
      server.close();
      connections.forEach((socket) => socket.destroy());
      await closed;
    },
  };
}

function misbehave(fault: Fault, answer: Buffer, client: Socket, end: () => void): void {
  switch (fault) {
    case 'cut':
      return end();
    case 'half':
      client.write(answer.subarray(0, 4 + Math.ceil((answer.length - 4) / 2)), end);
      return;
    case 'silent':
      return;
    case 'corrupt':
      client.write(Buffer.concat([answer.subarray(0, 8), Buffer.alloc(answer.length - 8, 0xff)]));
      return;
    case 'nonsense':
      client.write(Buffer.alloc(4));
  }
}

/** Metadata and coordinators name the broker as a string and a port; the port becomes the proxy's. */
function redirect(
  answer: Buffer,
  { host, port }: { readonly host: string; readonly port: number },
  proxyPort: number,
): Buffer {
  const name = Buffer.alloc(2 + host.length + 4);
  name.writeInt16BE(host.length, 0);
  name.write(host, 2);
  name.writeInt32BE(port, 2 + host.length);
  const redirected = Buffer.from(answer);
  for (let at = redirected.indexOf(name); at >= 0; at = redirected.indexOf(name, at + 1))
    redirected.writeInt32BE(proxyPort, at + 2 + host.length);
  return redirected;
}

function addressOf(broker: string): { readonly host: string; readonly port: number } {
  const colon = broker.lastIndexOf(':');
  return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
}
