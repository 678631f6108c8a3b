/** What both kinds of connections are answered with. */
import type { IncomingMessage } from 'node:http';
import { EngineFailed, RequestRefused } from './refusal.js';

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
  const message = isRefused ? error.message : `the engine cannot be used: ${failureOf(error)}`;
  return { status: isRefused ? error.status : 502, text: JSON.stringify({ message: `ravenhelm: ${message}` }) };
}

/** Of other errors only the code: their texts may quote what was sent. */
function failureOf(error: unknown): string {
  if (error instanceof EngineFailed) return error.message;
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : 'its connection broke';
}
