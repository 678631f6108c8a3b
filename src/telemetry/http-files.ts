/** Answers with files: streamed, with length and digest, a few at a time. */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A file whose content was looked at. The answer closes it. */
export interface ServedFile {
  readonly file: FileHandle;
  readonly bytes: number;
  /** sha256 of the content, hex; null: it is not known. */
  readonly digest: string | null;
}

/** Why there is none. The text is fixed: nothing of a request or of the file system is in it. */
export interface NoFile {
  readonly status: 403 | 404 | 410;
  readonly error: string;
}

export interface FileRoute {
  /** How its paths begin, such as /artifacts/. */
  readonly prefix: string;
  /** Matches a whole path, as it is sent; its groups say which file is meant. */
  readonly form: RegExp;
  open(groups: readonly string[], signal: AbortSignal): Promise<ServedFile | NoFile>;
}

/** Each reads its file twice. */
const MOST_AT_ONCE = 8;
const CHUNK_BYTES = 64 * 1024;

export function serveFiles(server: FastifyInstance, routes: readonly FileRoute[]): void {
  let underWay = 0;
  for (const { prefix, form, open } of routes)
    server.get(`${prefix}*`, async (request, reply) => {
      const [, ...groups] = form.exec(request.raw.url ?? '') ?? [];
      if (underWay >= MOST_AT_ONCE)
        return reply.code(503).header('retry-after', '1').send({ error: 'too many files are being served' });
      underWay += 1;
      const release = once(() => void (underWay -= 1));
      reply.raw.once('close', release);
      try {
        return await answer(request, reply, (signal) => open(groups, signal));
      } catch (error) {
        release();
        throw error;
      }
    });
}

const once = (work: () => void): (() => void) => {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
};

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  open: (signal: AbortSignal) => Promise<ServedFile | NoFile>,
): Promise<FastifyReply> {
  const { socket } = request.raw;
  const stop = new AbortController();
  const onClose = () => stop.abort(new Error('the connection was closed'));
  socket.once('close', onClose);
  // The limit of idle connections does not run while the content is looked at.
  socket.setTimeout(0);
  try {
    const found = await open(stop.signal);
    if ('status' in found) return reply.code(found.status).send({ error: found.error });
    const { digest, bytes, file } = found;
    if (digest !== null) reply.header('repr-digest', `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:`);
    reply.header('content-length', String(bytes)).header('content-disposition', 'attachment');
    reply.type('application/octet-stream');
    const content = Readable.from(contentOf(file, bytes), { objectMode: false });
    // Also where it was never read.
    content.once('close', () => void file.close());
    return reply.send(content);
  } finally {
    socket.off('close', onClose);
    socket.setTimeout(10_000);
  }
}

/** Exactly so many bytes: where there are fewer by now, the connection breaks, so that no reader takes it for whole. */
async function* contentOf(file: FileHandle, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes; ) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new Error('the file has become shorter');
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
