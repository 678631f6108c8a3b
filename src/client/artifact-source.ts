/** Where the content of an artifact is read: the volume where this computer sees it, else the workers that serve it. */
import { get, type IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { systemErrorWords } from '../domain/system-error.js';
import { isLoopback } from '../telemetry/http-address.js';
import { openArtifact, type ArtifactPlace } from '../tools/artifacts/kept.js';
import type { StatusReport } from './ask-processes.js';

export interface WantedArtifact {
  readonly missionId: string;
  readonly taskId: string;
  readonly path: string;
  readonly digest: string;
  /** The process that has listed it. */
  readonly workerId: string;
}

/** A content to read; its digest is to be verified. */
export interface FoundContent {
  readonly kind: 'found';
  /** The volume, or a process. */
  readonly from: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/** changed: there is another content now. refused: a person must change something. unreachable: it may pass. */
export interface NoContent {
  readonly kind: 'changed' | 'refused' | 'unreachable';
  readonly from: string;
  readonly why: string;
}

/** A place that may have the content. */
export type Source = (wanted: WantedArtifact, signal: AbortSignal) => Promise<FoundContent | NoContent>;

export const VOLUME = 'the volume';

export const volumeSource =
  (place: ArtifactPlace): Source =>
  async ({ path, digest }, signal) => {
    const opened = await openArtifact(place, { path, digest }, signal);
    if (opened === 'changed') return { kind: 'changed', from: VOLUME, why: 'it has changed since' };
    if (opened === 'gone') return { kind: 'unreachable', from: VOLUME, why: 'it is not there' };
    return { kind: 'found', from: VOLUME, content: opened.file.createReadStream({ start: 0 }) };
  };

/** Those that can have it, the one that has listed it first. */
export function workerSources(
  reports: readonly StatusReport[],
  workerId: string,
  token: string | null,
): readonly Source[] {
  const serving = reports.flatMap(({ worker_id, http_address: address }) => {
    const url = address === null ? null : urlOf(address);
    return url === null || (isLoopback(hostOf(url)) && !isHere(worker_id)) ? [] : [{ worker_id, url }];
  });
  const first = ({ worker_id }: { readonly worker_id: string }): number => (worker_id === workerId ? 0 : 1);
  return serving
    .toSorted((a, b) => first(a) - first(b))
    .map(({ worker_id, url }) => workerSource(worker_id, url, token));
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

/** Without a byte for so long, it counts as out of reach; it reads the file once before it answers. */
const SILENT_MS = 60_000;
const MOST_REASON_BYTES = 1_024;

function workerSource(from: string, url: URL, token: string | null): Source {
  return async ({ missionId, taskId, digest }, signal) => {
    const path = `/artifacts/${encodeURIComponent(missionId)}/${encodeURIComponent(taskId)}/${digest}`;
    try {
      const response = await request(new URL(path, url), token, signal);
      if (response.statusCode === 200) return { kind: 'found', from, content: response };
      return { ...(await refusalOf(response)), from };
    } catch (error) {
      if (signal.aborted) throw error;
      return { kind: 'unreachable', from, why: `${url.host} ${wordsOf(error)}` };
    }
  };
}

function request(url: URL, token: string | null, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const sent = get(url, { headers, signal, agent: false, timeout: SILENT_MS }, resolve);
    sent.once('timeout', () => sent.destroy(new Error('does not answer')));
    sent.once('error', reject);
  });
}

async function refusalOf(response: IncomingMessage): Promise<Omit<NoContent, 'from'>> {
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
  for await (const part of response) if (text.length < MOST_REASON_BYTES) text += String(part);
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === 'object' && said !== null && 'error' in said) return String(said.error);
  } catch {
    // Not one of our workers.
  }
  return 'no reason';
}

function wordsOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return `cannot be reached: ${systemErrorWords(code) ?? (error instanceof Error ? error.message : String(error))}`;
}
