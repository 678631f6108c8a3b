/** A promise and its handles. (Promise.withResolvers needs Node 22.) */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** A rejection that is not awaited ends the process, as with any promise. */
export function createDeferred<T>(): Deferred<T> {
  let handles: Omit<Deferred<T>, 'promise'> | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    handles = { resolve, reject };
  });
  if (handles === null) throw new TypeError('a promise calls its executor at once');
  return Object.assign(handles as Omit<Deferred<T>, 'promise'>, { promise });
}

/** Its rejection counts as handled: it reaches those who await the promise, and nothing has to await it. */
export function createHandledDeferred<T>(): Deferred<T> {
  const deferred = createDeferred<T>();
  deferred.promise.catch(() => undefined);
  return deferred;
}

/**
 * The promise's value, unless the signal aborts first: then rejects with the signal's reason. What the promise comes to
 * after that counts as handled.
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => undefined); // as Promise.race does, also where the signal has aborted already
  signal.throwIfAborted();
  const aborted = createHandledDeferred<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
