/** Runs the missions' timers on this process's monotonic clock, for as long as it holds the partition. */
import type { MissionTimer } from '../../domain/mission-timers.js';
import type { Clock, Timer } from '../../ports/clock.js';

export interface MissionClock {
  /** Starts the mission's new timers and stops those that it no longer has. */
  set(missionId: string, timers: readonly MissionTimer[]): void;
  isExpired(timerKey: string): boolean;
  /** Starts a timer again, whether or not it has run out. */
  restart(missionId: string, timer: MissionTimer): void;
  clear(): void;
}

export function createMissionClock(clock: Clock, onExpired: (missionId: string) => void): MissionClock {
  const running = new Map<string, Map<string, Timer>>();
  const expired = new Set<string>();

  function begin(missionId: string, { key, delayMs }: MissionTimer): Timer {
    return clock.setTimer(delayMs, () => {
      expired.add(key);
      onExpired(missionId);
    });
  }

  return {
    set(missionId, timers) {
      const before = running.get(missionId) ?? new Map<string, Timer>();
      const now = new Map<string, Timer>();
      for (const timer of timers) now.set(timer.key, before.get(timer.key) ?? begin(missionId, timer));
      for (const [key, timer] of before) {
        if (now.has(key)) continue;
        timer.cancel();
        expired.delete(key);
      }
      if (now.size > 0) running.set(missionId, now);
      else running.delete(missionId);
    },
    isExpired: (key) => expired.has(key),
    restart(missionId, timer) {
      running.get(missionId)?.get(timer.key)?.cancel();
      expired.delete(timer.key);
      const timers = running.get(missionId) ?? new Map<string, Timer>();
      running.set(missionId, timers.set(timer.key, begin(missionId, timer)));
    },
    clear() {
      for (const timers of running.values()) for (const timer of timers.values()) timer.cancel();
      running.clear();
      expired.clear();
    },
  };
}
