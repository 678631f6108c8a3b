import { appendFile } from 'node:fs/promises';
import type { Transport } from '../../src/models/transport.js';

/** One answer of a server, as it was received. */
export interface Exchange {
  readonly request: Readonly<Record<string, unknown>>;
  readonly status: number;
  /** The whole body. */
  readonly body: string;
}

export interface Recorder extends Transport {
  /** What was sent and received so far. */
  readonly exchanges: Promise<Exchange>[];
}

/** @param file each exchange is appended to it as a line of JSON */
export function createRecorder(file: string): Recorder {
  const exchanges: Promise<Exchange>[] = [];
  const recording: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const copy = response.clone();
    const exchange = copy.text().then(async (body) => {
      const request: Exchange['request'] = JSON.parse(typeof init?.body === 'string' ? init.body : '{}');
      await appendFile(file, `${JSON.stringify({ request, status: response.status, body })}\n`);
      return { request, status: response.status, body };
    });
    exchange.catch(() => undefined); // a call that the adapter has stopped; the test awaits the others
    exchanges.push(exchange);
    return response;
  };
  return { exchanges, proxyOf: () => null, fetch: recording, leanFetch: recording };
}
