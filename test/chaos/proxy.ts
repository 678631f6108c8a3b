/** A TCP proxy between the clients and one broker, whose connections can be cut, delayed and refused. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Numbers of the protocol's requests. */
export const OFFSET_FETCH = 9;

export interface Proxy {
  readonly port: number;
  /** Breaks every connection; new ones are taken. Returns how many there were. */
  cut(): number;
  /** From now on every byte in either direction arrives so much later. */
  delay(delayMs: number): void;
  /** While true new connections are closed at once. */
  refuse(refusing: boolean): void;
  /** Breaks the connection of the next request of this kind before the broker sees it; resolves when that happened. */
  breakNext(apiKey: number): Promise<void>;
  /** Takes back what breakNext asked for. */
  spare(): void;
  close(): Promise<void>;
}

export async function startProxy(port: number, targetPort: number): Promise<Proxy> {
  const connections = new Set<() => void>();
  let delayMs = 0;
  let refusing = false;
  let trap: { readonly apiKey: number; readonly sprung: () => void } | null = null;

  const server = createServer({ noDelay: true }, (client) => {
    if (refusing) return void client.destroy();
    const broker = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    const end = () => {
      connections.delete(end);
      client.destroy();
      broker.destroy();
    };
    connections.add(end);
    for (const socket of [client, broker]) socket.on('error', end).on('close', end);
    const readKeys = createRequestReader();
    pipe(
      client,
      broker,
      () => delayMs,
      (chunk) => {
        const caught = trap !== null && readKeys(chunk).includes(trap.apiKey) ? trap : null;
        if (trap === null) readKeys(chunk);
        if (caught === null) return true;
        trap = null;
        end();
        caught.sprung();
        return false;
      },
    );
    pipe(
      broker,
      client,
      () => delayMs,
      () => true,
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  const cut = () => {
    const open = [...connections];
    for (const end of open) end();
    return open.length;
  };
  return {
    port,
    cut,
    delay: (value) => void (delayMs = value),
    refuse: (value) => void (refusing = value),
    breakNext: (apiKey) => new Promise((resolve) => (trap = { apiKey, sprung: resolve })),
    spare: () => void (trap = null),
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

/** In order, even while the delay changes. `passes` may end the connection instead. */
function pipe(from: Socket, to: Socket, delayMs: () => number, passes: (chunk: Buffer) => boolean): void {
  let last = Promise.resolve();
  let due = 0;
  /** Chunks that wait; a timer may fire later than it is due, and nothing may overtake what waits for it. */
  let waiting = 0;
  from.on('data', (chunk: Buffer) => {
    if (!passes(chunk)) return;
    due = Math.max(due, performance.now() + delayMs());
    if (waiting === 0 && due <= performance.now() + 1) return void to.write(chunk);
    waiting += 1;
    const wait = due - performance.now();
    const arrived = new Promise<void>((resolve) => setTimeout(resolve, wait));
    last = Promise.all([last, arrived]).then(() => {
      waiting -= 1;
      if (to.writable) to.write(chunk);
    });
  });
}

/**
 * Reads the request kinds out of a client's byte stream: each request is its length (4 bytes), its kind (2 bytes), and
 * more.
 */
export function createRequestReader(): (chunk: Buffer) => readonly number[] {
  let head = Buffer.alloc(0);
  /** Bytes of the current request that are still to come. */
  let rest = 0;
  return (chunk) => {
    const keys: number[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (rest > 0) {
        const skipped = Math.min(rest, chunk.length - at);
        rest -= skipped;
        at += skipped;
        continue;
      }
      const taken = Math.min(6 - head.length, chunk.length - at);
      head = Buffer.concat([head, chunk.subarray(at, at + taken)]);
      at += taken;
      if (head.length < 6) break;
      keys.push(head.readInt16BE(4));
      rest = head.readInt32BE(0) - 2;
      head = Buffer.alloc(0);
    }
    return keys;
  };
}
