import type { Clock } from '../../src/ports/clock.js';
import type { Appender, GroupMember, Log, Watch } from '../../src/ports/log.js';

/**
 * A process's share of the world, which can be cut off at once as SIGKILL does: no timer, no append, no commit after
 * it.
 */
export interface Crashable {
  readonly log: Log;
  readonly clock: Clock;
  crash(): Promise<void>;
}

export function createCrashable(log: Log, clock: Clock): Crashable {
  let dead = false;
  const members: GroupMember[] = [];
  const watches: Watch[] = [];
  const timers = new Set<{ cancel(): void }>();
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

  const wrap = (appender: Appender): Appender => ({
    append: (request) => (dead ? never() : appender.append(request)),
    dropQueued: (matches) => (dead ? undefined : appender.dropQueued(matches)),
    close: () => appender.close(),
  });

  return {
    clock: {
      now: clock.now,
      monotonicMs: clock.monotonicMs,
      setTimer(delayMs, callback) {
        if (dead) return { cancel() {} };
        const timer = clock.setTimer(delayMs, () => {
          timers.delete(timer);
          callback();
        });
        timers.add(timer);
        return timer;
      },
    },
    log: {
      ...log,
      createAppender: (name) => wrap(log.createAppender(name)),
      copyRecord: (copy) => (dead ? never() : log.copyRecord(copy)),
      async joinGroup(options) {
        const member = await log.joinGroup({
          ...options,
          open(assignment) {
            const consumer = options.open(assignment);
            return {
              onRecords: (records) => (dead ? undefined : consumer.onRecords(records)),
              room: () => (dead ? null : (consumer.room?.() ?? null)),
              onBlocked: (offset, reason) => (dead ? undefined : consumer.onBlocked(offset, reason)),
              onUnblocked: () => (dead ? undefined : consumer.onUnblocked()),
              onClosed: () => (dead ? undefined : consumer.onClosed()),
            };
          },
        });
        members.push(member);
        return { ...member, commit: (commits) => (dead ? never() : member.commit(commits)) };
      },
      async watch(options) {
        const watch = await log.watch({
          ...options,
          onRecord: (record) => (dead ? undefined : options.onRecord(record)),
        });
        watches.push(watch);
        return watch;
      },
    },
    async crash() {
      dead = true;
      for (const timer of timers) timer.cancel();
      await Promise.all([...members.map((member) => member.leave()), ...watches.map((watch) => watch.stop())]);
    },
  };
}
