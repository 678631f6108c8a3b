/** The workers that serve files over HTTP, and requests to them. */
import { get, type IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { runsOn } from '../domain/process-id.js';
import { systemErrorWords } from '../domain/system-error.js';
import { pause, type Clock } from '../ports/clock.js';
import { isLoopback, isUnspecified } from '../telemetry/http-address.js';
import { signatureHeaders } from '../telemetry/http-signature.js';
import type { StatusReport } from './ask-processes.js';

export interface ServingWorker {
  readonly workerId: string;
  /** http://host:port/ */
  readonly url: URL;
}

/**
 * changed: there is another content now, or nothing any more. refused: a person must change something. unreachable: it
 * may pass.
 */
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
    return url === null || (leadsHere(hostOf(url)) && !runsOn(workerId, 'worker', hostname()))
      ? []
      : [{ workerId, url }];
  });
  const place = ({ workerId }: ServingWorker): number => (workerId === firstId ? 0 : 1);
  return serving.toSorted((a, b) => place(a) - place(b));
}

/** Another computer's loopback address is not this one's. */
const leadsHere = (host: string): boolean => isLoopback(host) || isUnspecified(host);

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

/** How often a worker that serves too many files at a time is asked. */
const MOST_TRIES = 6;
const BUSY_MS = 1_000;

export interface WorkerAccess {
  readonly clock: Clock;
  /** With what requests are signed, so that it stays with those who have it; null: they are not. */
  readonly token: string | null;
  readonly signal: AbortSignal;
}

/**
 * Asks a worker for a file. Rejects with the signal's reason.
 * @param path its parts; each is encoded
 */
export async function fetchFrom(
  { url }: ServingWorker,
  path: readonly string[],
  access: WorkerAccess,
): Promise<Served | NotServed> {
  const whole = new URL(`/${path.map(encodeURIComponent).join('/')}`, url);
  try {
    for (let left = MOST_TRIES; ; left -= 1) {
      const response = await request(whole, access);
      if (response.statusCode === 200) return { kind: 'found', content: response };
      const refusal = await refusalOf(response, access);
      if (response.statusCode !== 503 || left === 1) return refusal;
      await pause(access.clock, BUSY_MS, access.signal);
    }
  } catch (error) {
    if (access.signal.aborted) throw error;
    return { kind: 'unreachable', why: `${url.host} cannot be reached: ${wordsOf(error)}`, isAbsent: true };
  }
}

function request(url: URL, { token, clock, signal }: WorkerAccess): Promise<IncomingMessage> {
  const signed = { method: 'GET', authority: url.host, path: url.pathname };
  const headers = token === null ? {} : signatureHeaders(token, signed, clock.now());
  return new Promise((resolve, reject) => {
    const sent = get(url, { headers, signal, agent: false, timeout: CONNECT_MS }, resolve);
    sent.once('socket', (socket) => socket.once('connect', () => socket.setTimeout(SILENT_MS)));
    sent.once('timeout', () => sent.destroy(new Error('it does not answer')));
    sent.once('error', reject);
  });
}

async function refusalOf(response: IncomingMessage, { token }: WorkerAccess): Promise<NotServed> {
  const said = await reasonIn(response);
  switch (response.statusCode) {
    case 401:
      return { kind: 'refused', why: token === null ? NEEDS_TOKEN : OTHER_TOKEN };
    case 403:
      return { kind: 'refused', why: `it refuses: ${said}` };
    case 410:
      return { kind: 'changed', why: said };
    default:
      return { kind: 'unreachable', why: `it answers with ${response.statusCode ?? 'no status'}: ${said}` };
  }
}

const NEEDS_TOKEN = 'it needs the token of the workers (RAVENHELM_HTTP_TOKEN)';
const OTHER_TOKEN =
  'it does not take the signature: it has another RAVENHELM_HTTP_TOKEN, an older build, or a clock that differs by ' +
  'more than 5 minutes';

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
