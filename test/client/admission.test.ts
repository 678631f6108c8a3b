/** A submitter waits a while for an orchestrator to decide about its request, and leaves nothing behind. */
import { watchAdmissions } from '../../src/client/admission.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { Log, WatchOptions } from '../../src/ports/log.js';
import { systemClock } from '../contract/system-clock.js';

/** A watch that is caught up at once, and how it fails. */
async function watched(signal = new AbortController().signal) {
  const timers = new Set<object>();
  const clock = {
    ...systemClock,
    setTimer(delayMs: number, callback: () => void) {
      const timer = systemClock.setTimer(delayMs, callback);
      timers.add(timer);
      return { cancel: () => (timers.delete(timer), timer.cancel()) };
    },
  };
  const fatal: ((error: Error) => void)[] = [];
  const log: Pick<Log, 'watch'> = {
    async watch({ onCaughtUp, onFatal }: WatchOptions) {
      fatal.push(onFatal);
      onCaughtUp?.();
      return { stop: async () => undefined };
    },
  };
  const admissions = await watchAdmissions(
    { clock, signal, topics: createTopicNames('test') },
    { log: log as Log, onEnd: () => undefined },
  );
  return { admissions, timers, fail: (error: Error) => fatal.forEach((tell) => tell(error)) };
}

test('a log that cannot be read any more leaves no timer', async () => {
  const { admissions, timers, fail } = await watched();
  const decided = admissions.decided('20261130-1-aaaa');
  expect(timers.size).toBe(1);
  fail(new Error('gone'));
  await expect(decided).rejects.toThrow('gone');
  expect(timers.size).toBe(0);
});

test('neither does an abort', async () => {
  const controller = new AbortController();
  const { admissions, timers } = await watched(controller.signal);
  const decided = admissions.decided('20261130-1-aaaa');
  controller.abort(new Error('ended'));
  await expect(decided).rejects.toThrow('ended');
  expect(timers.size).toBe(0);
});
