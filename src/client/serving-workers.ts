/** The workers that serve files over HTTP, and requests to them. */
import { get, type IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { systemErrorWords } from '../domain/system-error.js';
import { isLoopback } from '../telemetry/http-address.js';
import type { StatusReport } from './ask-processes.js';

export interface ServingWorker {
  readonly workerId: string;
  /** http://host:port/ */
  readonly url: URL;
}

/** changed: there is another content now. refused: a person must change something. unreachable: it may pass. */
export interface NotServed {
  readonly kind: 'changed' | 'refused' | 'unreachable';
  readonly why: string;
  /** Nothing answers at its address: another request would wait as long. */
  readonly isAbsent?: true;
}

export interface Served {
  readonly kind: 'found';
  readonly content: Readable;
}

/** Those that this computer may reach, the one with this id first. */
export function servingWorkers(
  reports: readonly Pick<StatusReport, 'worker_id' | 'http_address'>[],
  firstId: string,
): readonly ServingWorker[] {
  const serving = reports.flatMap(({ worker_id: workerId, http_address: address }): ServingWorker[] => {
    const url = address === null ? null : urlOf(address);
    return url === null || (isLoopback(hostOf(url)) && !isHere(workerId)) ? [] : [{ workerId, url }];
  });
  const place = ({ workerId }: ServingWorker): number => (workerId === firstId ? 0 : 1);
  return serving.toSorted((a, b) => place(a) - place(b));
}

/** Another computer's loopback address is not this one's. */
const isHere = (workerId: string): boolean => workerId.startsWith(`worker-${hostname()}-`);

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/** null: it is none. */
function urlOf(address: string): URL | null {
  const text = `http://${address}/`;
  if (!/^(\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/.test(address) || !URL.canParse(text)) return null;
  return new URL(text);
}

/** Not connected within this time, its address leads nowhere from here. */
const CONNECT_MS = 5_000;
/** Without a byte for so long, it counts as out of reach; it reads the file once before it answers. */
const SILENT_MS = 60_000;
const MOST_REASON_BYTES = 1_024;

/**
 * Asks a worker for a file. Rejects with the signal's reason.
 * @param path its parts; each is encoded
 * @param token what the worker wants to see; null: nothing is sent
 */
export async function fetchFrom(
  { url }: ServingWorker,
  path: readonly string[],
  token: string | null,
  signal: AbortSignal,
): Promise<Served | NotServed> {
  try {
    const response = await request(new URL(`/${path.map(encodeURIComponent).join('/')}`, url), token, signal);
    return response.statusCode === 200 ? { kind: 'found', content: response } : await refusalOf(response);
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'unreachable', why: `${url.host} cannot be reached: ${wordsOf(error)}`, isAbsent: true };
  }
}

function request(url: URL, token: string | null, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const sent = get(url, { headers, signal, agent: false, timeout: CONNECT_MS }, resolve);
    sent.once('socket', (socket) => socket.once('connect', () => socket.setTimeout(SILENT_MS)));
    sent.once('timeout', () => sent.destroy(new Error('it does not answer')));
    sent.once('error', reject);
  });
}

async function refusalOf(response: IncomingMessage): Promise<NotServed> {
  const said = await reasonIn(response);
  switch (response.statusCode) {
    case 401:
      return { kind: 'refused', why: 'it needs the bearer token of the workers (RAVENHELM_HTTP_TOKEN)' };
    case 403:
      return { kind: 'refused', why: `it refuses: ${said}` };
    case 410:
      return { kind: said.includes('changed') ? 'changed' : 'unreachable', why: said };
    default:
      return { kind: 'unreachable', why: `it answers with ${response.statusCode ?? 'no status'}: ${said}` };
  }
}

async function reasonIn(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response) {
    text += String(part);
    if (text.length >= MOST_REASON_BYTES) break; // which closes the connection
  }
  return /"error":"([^"\\]*)"/.exec(text)?.[1] ?? 'it gives no reason';
}

function wordsOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return systemErrorWords(code) ?? (error instanceof Error ? error.message : String(error));
}
