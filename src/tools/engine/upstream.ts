/** The engine of this worker, on its unix socket. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { reasonOf } from '../system-errors.js';
import type { Provided } from '../secrets.js';
import type { Lookup } from './objects.js';
import { EngineFailed } from './refusal.js';
import { createTurns } from './turns.js';

const MOST_ANSWER_BYTES = 4 * 1024 * 1024;
/** For an engine that is silent, in milliseconds. */
export const PATIENCE_MS = 60_000;
const PING_MS = 5_000;
const DEFAULT_HOST = 'unix:///var/run/docker.sock';

export interface EngineAddress {
  /** Absolute path of the socket. */
  readonly socketPath: string;
}

/** Where engines of this computer listen: that of DOCKER_HOST, and those of docker, podman and containerd. */
export function engineSockets(dockerHost: string | undefined): readonly string[] {
  const uid = process.getuid?.() ?? 0;
  const [, given] = /^unix:\/\/(\/.+)$/.exec(dockerHost ?? '') ?? [];
  return [
    ...(given === undefined ? [] : [given]),
    ...['/var/run/docker.sock', '/run/podman/podman.sock', '/run/containerd/containerd.sock', '/run/crio/crio.sock'],
    ...[`/run/user/${uid}/docker.sock`, `/run/user/${uid}/podman/podman.sock`],
    ...[join(homedir(), '.docker/run/docker.sock'), join(homedir(), '.docker/desktop/docker.sock')],
  ];
}

/** The address in DOCKER_HOST, default docker's own. One that does not answer is a problem with its cure. */
export async function findEngine(dockerHost: string | undefined): Promise<Provided<EngineAddress>> {
  const host = dockerHost === undefined || dockerHost === '' ? DEFAULT_HOST : dockerHost;
  const refused = (why: string): Provided<EngineAddress> => ({ ok: false, problem: `docker: ${why}` });
  const [, socketPath] = /^unix:\/\/(\/.+)$/.exec(host) ?? [];
  if (socketPath === undefined)
    return refused(`DOCKER_HOST is ${host}, and agents' engines are reached by unix:///PATH only; correct it`);
  const value = { socketPath };
  try {
    const answer = await ask(value, { method: 'GET', path: '/_ping', timeout: PING_MS });
    answer.resume();
    if (answer.statusCode === 200) return { ok: true, value };
    return refused(`what answers at ${host} is no container engine (HTTP ${answer.statusCode}); correct DOCKER_HOST`);
  } catch (error) {
    return refused(
      `no engine answers at ${host} (${reasonOf(error)}); start Docker or Podman, let this worker's user open ` +
        'the socket, or set DOCKER_HOST',
    );
  }
}

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string;
  /** Milliseconds without a byte; absent: any. */
  readonly timeout?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A request of which only checked parts are made. */
export function openRequest(
  { socketPath }: EngineAddress,
  { method, path, headers, timeout, signal }: Ask,
): ClientRequest {
  const made = request({
    socketPath,
    method,
    path,
    headers: { host: 'docker', ...headers },
    // A connection each: one that has become a stream cannot be used again.
    agent: false,
    ...(timeout === undefined ? {} : { timeout }),
    ...(signal === undefined ? {} : { signal }),
  });
  made.once('timeout', () => made.destroy(new EngineFailed('it does not answer')));
  return made;
}

/** Resolves with the answer's head; rejects when there is none. */
export function ask(engine: EngineAddress, given: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    openRequest(engine, given).once('response', resolve).once('error', reject).end(given.body);
  });
}

/** Answers that this process has in memory at once, of all calls. */
export const inTurnOfProcess = createTurns(4);

/** The JSON of an answer. Rejects for one that is too large or breaks off. */
export async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MOST_ANSWER_BYTES) throw new EngineFailed(`its answer has more than ${MOST_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new EngineFailed('its answer is not JSON');
  }
}

export function createLookup(engine: EngineAddress, signal: AbortSignal): Lookup {
  return async (path) => {
    const answer = await ask(engine, { method: 'GET', path, signal, timeout: PATIENCE_MS });
    if (answer.statusCode === 200) return inTurnOfProcess(() => jsonOf(answer));
    answer.destroy();
    return null;
  };
}
