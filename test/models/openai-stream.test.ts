import OpenAI from 'openai';
import { openaiStream, type StreamEnd } from '../../src/models/openai-stream.js';

const client = new OpenAI({ apiKey: 'k', baseURL: 'http://127.0.0.1:9/v1', maxRetries: 0, logLevel: 'off' });

/** The pieces of a body that arrives in parts of this many bytes; an error of the stream comes last, as its words. */
async function read(body: string, bytes: number): Promise<{ readonly pieces: unknown[]; readonly end: StreamEnd }> {
  const all = new TextEncoder().encode(body);
  const parts = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < all.length; at += bytes) controller.enqueue(all.slice(at, at + bytes));
      controller.close();
    },
  });
  const end = { marked: false };
  const pieces: unknown[] = [];
  const response = new Response(parts, { headers: { 'content-type': 'text/event-stream' } });
  try {
    for await (const one of await openaiStream(client, response, end)) pieces.push(one);
  } catch (error) {
    pieces.push(String(error));
  }
  return { pieces, end };
}

describe.each([1, 2, 3, 7, 64, 10_000])('a stream in parts of %i bytes', (bytes) => {
  test.each(['\n', '\r\n', '\r'])('is read with line ends %j, whatever its text holds', async (br) => {
    const said = { text: 'ß 💥 \u2028error: {"a":1}\ndata: [DONE]\rdata: :x', more: ' data:' };
    const lines = [
      `data: ${JSON.stringify(said)}`,
      '',
      ': ping',
      '',
      'data: : ping',
      '',
      'data:',
      '',
      'data: [DONE]',
      '',
    ];
    expect(await read(`${lines.join(br)}${br}`, bytes)).toEqual({ pieces: [said], end: { marked: true } });
  });

  test('has an error that is its own field (llama.cpp #16104)', async () => {
    const { pieces } = await read('data: {"a":1}\n\nerror: {"code":500,"message":"über"}\n\ndata: [DONE]\n\n', bytes);
    expect(pieces).toEqual([{ a: 1 }, expect.stringContaining('über')]);
  });

  test('without its mark has none, and its last event need not end', async () => {
    expect(await read('data: {"a":1}\n\n: bye', bytes)).toEqual({ pieces: [{ a: 1 }], end: { marked: false } });
  });
});
