import { createDeferred as createBareDeferred, type Deferred } from '../domain/deferred.js';

/** Its rejection counts as handled: it reaches whoever awaits the promise, and nobody has to. */
export function createDeferred<T>(): Deferred<T> {
  const deferred = createBareDeferred<T>();
  deferred.promise.catch(() => undefined);
  return deferred;
}

/** The promise's value, unless the signal aborts first: then rejects with the signal's reason. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = createDeferred<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
