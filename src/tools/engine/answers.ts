/** What both kinds of connections are answered with. */
import type { IncomingMessage } from 'node:http';
import { RequestRefused } from './refusal.js';

export const bodyHeaders = (text: string): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  'content-length': String(Buffer.byteLength(text)),
});

/** Those that clients read. */
const SHOWN_HEADERS = ['content-type', 'api-version', 'docker-experimental', 'ostype', 'server', 'content-length'];

export function answerHeaders(answer: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    SHOWN_HEADERS.flatMap((name) => {
      const value = answer.headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

/** The message in the engine's own form, so that clients print it. */
export function refusalOf(error: unknown): { readonly status: number; readonly text: string } {
  const isRefused = error instanceof RequestRefused;
  const message = isRefused ? error.message : `the engine cannot be reached: ${String(error)}`;
  return { status: isRefused ? error.status : 502, text: JSON.stringify({ message: `ravenhelm: ${message}` }) };
}
