import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'ravenhelm-kafkajs';
import { hostOf } from './ipv6-hosts.js';
import { wholeFrames } from './whole-frames.js';

type Listener = (...values: readonly unknown[]) => void;

const KEEP_ALIVE_DELAY_MS = 60_000;

/**
 * kafkajs's connections, with three of its defects kept out (2.2.4, src/network/connection.js):
 *
 * - It keeps a half-read answer when a connection is cut, and reads the next connection of the same broker behind it;
 *   and two connects at once feed one buffer. From then on every length is wrong (#715, "Rare
 *   ERR_BUFFER_OUT_OF_BOUNDS", found in its users' chaos tests; still open). Here each socket collects its own answers
 *   and hands over whole ones, so that nothing of a socket outlives it.
 * - It decodes in the socket's 'data' event, without a catch: an answer that is too short, or a state that it does not
 *   expect, throws there and ends the process as an uncaught exception. Here that is an error of the socket: kafkajs
 *   rejects what waits on the connection and connects again.
 * - It releases a socket that still connects each time that it is asked to disconnect, and each time node adds a
 *   listener: while a broker is down, node warns of a leak. Here once is enough.
 */
export function createSocketFactory(): ISocketFactory {
  return ({ host: name, port, ssl, onConnect }) => {
    const host = hostOf(name);
    // kafkajs's type says that there is always an ssl; it passes null where there is none.
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    return letGoOnce(withWholeFrames(socket));
  };
}

function letGoOnce(socket: Socket): Socket {
  const letGo = socket.unref.bind(socket);
  let isLetGo = false;
  return Object.assign(socket, {
    unref(): Socket {
      if (isLetGo) return socket;
      isLetGo = true;
      return letGo();
    },
  });
}

/** The socket, but that its 'data' listeners get whole frames, and their exceptions are the socket's errors. */
function withWholeFrames(socket: Socket): Socket {
  return Object.assign(socket, {
    on(event: string, listener: Listener): Socket {
      return socket.addListener(event, event === 'data' ? framesFor(listener, socket) : listener);
    },
  });
}

function framesFor(listener: Listener, socket: Socket): (chunk: Buffer) => void {
  const read = wholeFrames((frame) => void (socket.destroyed || listener(frame)));
  return (chunk) => {
    if (socket.destroyed) return;
    try {
      read(chunk);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  };
}
