import { sendJson, startHttpServer, type FakeServer } from './fake-model-server.js';

/** The body of one request, as it was sent. */
export type SentBody = Readonly<Record<string, unknown>>;

/** What a server with OpenAI's API answers: events as its pieces, a document, or an error. */
export type CompatibleAnswer =
  | { readonly events: readonly unknown[]; readonly done?: boolean }
  | { readonly document: unknown }
  | { readonly status: number; readonly error: unknown; readonly type?: string };

export interface FakeCompatible extends FakeServer {
  readonly baseUrl: string;
  /** Every body that was sent, refused ones too. */
  readonly bodies: readonly SentBody[];
  /** The Authorization headers. */
  readonly authorizations: readonly string[];
}

/** A server with most of OpenAI's Chat Completions, whose answers are written by hand as the real one sends them. */
export async function startFakeCompatible(
  answer: (body: SentBody, index: number) => CompatibleAnswer,
): Promise<FakeCompatible> {
  const bodies: SentBody[] = [];
  const authorizations: string[] = [];
  const server = await startHttpServer(async (request, response, text) => {
    const body: SentBody = JSON.parse(text);
    bodies.push(body);
    authorizations.push(request.headers.authorization ?? '');
    const said = answer(body, bodies.length - 1);
    if ('document' in said) return sendJson(response, 200, said.document);
    if ('events' in said) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of said.events)
        response.write(typeof event === 'string' ? event : `data: ${JSON.stringify(event)}\n\n`);
      return void response.end(said.done === false ? '' : 'data: [DONE]\n\n');
    }
    if (typeof said.error !== 'string') return sendJson(response, said.status, said.error);
    response.writeHead(said.status, { 'content-type': said.type ?? 'text/plain' });
    response.end(said.error);
  });
  return { ...server, baseUrl: `${server.url}/v1`, bodies, authorizations };
}

/** One piece of a reply. */
export const piece = (delta: unknown, finish: string | null = null, more: object = {}): object => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_795_000_000,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
