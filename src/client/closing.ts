import { ClientError } from './client-error.js';

/** Whether a client may still be used. */
export interface Closing {
  /** Aborted with a ClientError (client_closed) once the client is closed. */
  readonly signal: AbortSignal;
  /** The same call, which rejects with that error, and does nothing, once the client is closed. */
  whileOpen<A extends readonly unknown[], T>(call: (...args: A) => Promise<T>): (...args: A) => Promise<T>;
  close(): void;
}

export function createClosing(): Closing {
  const closed = new AbortController();
  return {
    signal: closed.signal,
    whileOpen:
      (call) =>
      async (...args) => {
        closed.signal.throwIfAborted();
        return call(...args);
      },
    close() {
      closed.abort(new ClientError('client_closed', 'the client is closed', 'Make another one with createClient.'));
    },
  };
}
