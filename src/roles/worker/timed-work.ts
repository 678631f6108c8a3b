/** Work around an attempt that has its own time limit: it is neither a model's turn nor a tool's call. */
import { orAborted } from '../../domain/deferred.js';
import { TaskTaken, TaskTimeout } from './abort-reasons.js';
import type { WorkerContext } from './worker-context.js';

/** Whether this process has no more time for the attempt; one whose own deadline has passed is still to be ended. */
export const isTaken = (signal: AbortSignal): boolean => signal.aborted && !(signal.reason instanceof TaskTimeout);

/** Whether its result counts nothing here. One that has come to its end while the worker drains is still written. */
export const isAnothers = ({ reason }: AbortSignal): boolean =>
  reason instanceof TaskTaken && reason.code !== 'draining';

/** Also where a file system does not answer: what the work comes to later counts nothing. */
export async function withinLimit<T>(
  { deps: { clock } }: WorkerContext,
  limitMs: number,
  tooSlow: () => Error,
  signal: AbortSignal,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onAbort = () => isTaken(signal) && stop.abort(signal.reason);
  onAbort();
  signal.addEventListener('abort', onAbort);
  const timer = clock.setTimer(limitMs, () => stop.abort(tooSlow()));
  try {
    return await orAborted(work(stop.signal), stop.signal);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}
