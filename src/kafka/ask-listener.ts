import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { z } from 'zod';
import type { TlsOptions } from '../ports/tls.js';

/** What listens at an address, found out with one question of the protocol, sent as it is and inside of TLS. */
export type Listener =
  /** mechanisms: those of its login; null where it takes none. */
  | { readonly kind: 'kafka'; readonly tls: boolean; readonly mechanisms: readonly string[] | null }
  /** TLS, and inside of it no answer of Kafka's, or none to this client. */
  | { readonly kind: 'tls' }
  | { readonly kind: 'http' }
  | { readonly kind: 'unknown' };

const UNSUPPORTED_SASL_MECHANISM = 33;
const SASL_HANDSHAKE = 17;
const CORRELATION_ID = 0x52_41_56_4e;
const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;

/** Never rejects: it is asked where a connection has failed already. */
export async function askListener(
  { host, port }: { readonly host: string; readonly port: number },
  tls: true | TlsOptions | undefined,
): Promise<Listener> {
  const plain = heard(await exchange(connectTcp({ host, port })), false);
  if (plain.kind === 'kafka' || plain.kind === 'http') return plain;
  const options = typeof tls === 'object' ? tls : {};
  const name = isIP(host) === 0 ? { servername: host } : {};
  let secured = false;
  const socket = connectTls({ host, port, ...name, ...options, rejectUnauthorized: false }, () => (secured = true));
  const inside = heard(await exchange(socket), true);
  if (inside.kind === 'kafka') return inside;
  if (secured || plain.kind === 'tls') return { kind: 'tls' };
  // A web server may close the connection at what is no HTTP.
  return heard(await exchange(connectTcp({ host, port }), Buffer.from('HEAD / HTTP/1.0\r\n\r\n')), false);
}

/** Sends the question and resolves with the first bytes of the answer, or none. */
function exchange(socket: Socket, asked = question()): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const end = () => {
      socket.destroy();
      resolve(Buffer.concat(parts));
    };
    socket.setTimeout(3_000, end);
    // Of all together: one that says a little again and again is not waited for.
    AbortSignal.timeout(10_000).addEventListener('abort', end, { once: true });
    socket.on('error', end).on('close', end);
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      if (isWhole(Buffer.concat(parts))) end();
    });
    socket.write(asked);
  });
}

/** SaslHandshake (version 1) with a mechanism that no broker has: the answer lists those that there are. */
function question(): Buffer {
  const text = (words: string) => Buffer.concat([int16(Buffer.byteLength(words)), Buffer.from(words)]);
  const body = Buffer.concat([
    int16(SASL_HANDSHAKE),
    int16(1),
    int32(CORRELATION_ID),
    text('ravenhelm'),
    text('RAVENHELM-ASKS'),
  ]);
  return Buffer.concat([int32(body.length), body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Anything that is no answer to the question is whole with its first five bytes. */
function isWhole(bytes: Buffer): boolean {
  if (bytes.length < 8) return bytes.length >= 5 && !couldBeAnswer(bytes);
  return !couldBeAnswer(bytes) || bytes.length >= 4 + bytes.readInt32BE(0);
}

/** An answer to the question is small: some names. */
function couldBeAnswer(bytes: Buffer): boolean {
  const size = bytes.readInt32BE(0);
  return size >= 6 && size < 4096 && (bytes.length < 8 || bytes.readInt32BE(4) === CORRELATION_ID);
}

function heard(bytes: Buffer, tls: boolean): Listener {
  if (bytes.length >= 10 && couldBeAnswer(bytes)) return { kind: 'kafka', tls, mechanisms: mechanismsIn(bytes) };
  if (bytes.toString('latin1', 0, 5) === 'HTTP/') return { kind: 'http' };
  if (!tls && (bytes[0] === TLS_ALERT || bytes[0] === TLS_HANDSHAKE)) return { kind: 'tls' };
  return { kind: 'unknown' };
}

function mechanismsIn(bytes: Buffer): readonly string[] | null {
  if (bytes.readInt16BE(8) !== UNSUPPORTED_SASL_MECHANISM || bytes.length < 14) return null;
  const names: string[] = [];
  let at = 14;
  for (let left = bytes.readInt32BE(10); left > 0 && at + 2 <= bytes.length; left -= 1) {
    const length = bytes.readInt16BE(at);
    if (length < 0) break; // no name: no answer of a broker
    names.push(bytes.toString('utf8', at + 2, at + 2 + length));
    at += 2 + length;
  }
  return names;
}

const address = z.tuple([z.string().min(1), z.coerce.number().int().min(1).max(65_535)]);

/** Null for what is no host:port. */
export function addressOf(broker: string): { readonly host: string; readonly port: number } | null {
  const colon = broker.lastIndexOf(':');
  const parts = [broker.slice(0, colon).replace(/^\[|\]$/g, ''), broker.slice(colon + 1)];
  const parsed = address.safeParse(parts);
  return parsed.success ? { host: parsed.data[0], port: parsed.data[1] } : null;
}
