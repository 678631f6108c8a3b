/** A promise and its handles. (Promise.withResolvers needs Node 22.) */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function createDeferred<T>(): Deferred<T> {
  let handles: Omit<Deferred<T>, 'promise'> | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    handles = { resolve, reject };
  });
  if (handles === null) throw new TypeError('a promise calls its executor at once');
  return Object.assign(handles as Omit<Deferred<T>, 'promise'>, { promise });
}
