import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { until } from '../contract/until.js';

/** Room for connections that were not accepted: Linux lets one more than the backlog in. */
const BACKLOG = 1;
const WAITING = BACKLOG + 1;

/** Listens, says at which port, and never runs again: so nothing is ever accepted. */
const DEAF = `
  const server = require('node:net').createServer();
  server.listen(0, '127.0.0.1', ${BACKLOG}, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** A server that never accepts a connection: its queue is full, so that the computer does not answer new ones. */
export async function startDeafServer(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  const queue: Socket[] = [];
  for (let waiting = 0; waiting < WAITING; waiting += 1) {
    const socket = createConnection({ host: '127.0.0.1', port: Number(String(port)) });
    queue.push(socket);
    await once(socket, 'connect');
    // The process is killed in the end, and its connections with it.
    socket.on('error', () => undefined);
  }
  return {
    url: `http://127.0.0.1:${Number(String(port))}`,
    async close() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      for (const socket of queue) socket.destroy();
      // undici keeps connecting after its caller has given up, until the computer says that the port is closed.
      await until('no connection is being made', () => !process.getActiveResourcesInfo().includes('TCPConnectWrap'));
    },
  };
}
