import { createDeferred, orAborted } from '../../src/domain/deferred.js';

describe('a promise or its signal', () => {
  test('gives the value where the signal does not abort', async () => {
    await expect(orAborted(Promise.resolve(1), new AbortController().signal)).resolves.toBe(1);
  });

  test('ends with the reason of a signal that aborts first', async () => {
    const stop = new AbortController();
    const ended = orAborted(createDeferred<void>().promise, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(ended).rejects.toThrow('stopped');
  });

  // A rejection without a handler would end the process, and this test with it.
  test('handles what the promise comes to later, also where the signal has aborted already', async () => {
    const late = createDeferred<void>();
    await expect(orAborted(late.promise, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    late.reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
