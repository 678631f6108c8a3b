/** A client of the proxy that writes what it is given, as a program in the sandbox could. */
import { connect, type NetConnectOpts } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends the bytes on one connection, and resolves with all that came back when the other side has ended it. */
export async function sendRaw(place: string | NetConnectOpts, bytes: string): Promise<string> {
  const socket = connect(typeof place === 'string' ? { path: place } : place);
  let got = '';
  socket.on('data', (part) => (got += part.toString('latin1')));
  socket.on('error', () => undefined); // the other side may break it off: what came before counts
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return got;
}

export async function send(
  socketPath: string,
  { method, target, body }: { readonly method: string; readonly target: string; readonly body?: unknown },
): Promise<Answer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const head = [
    `${method} ${target} HTTP/1.1`,
    'Host: docker',
    'Connection: close',
    ...(text === '' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`]),
  ];
  const got = await sendRaw(socketPath, `${head.join('\r\n')}\r\n\r\n${text}`);
  const [, status = '0'] = /^HTTP\/1\.1 (\d{3})/.exec(got) ?? [];
  return { status: Number(status), body: got.slice(got.indexOf('\r\n\r\n') + 4) };
}
