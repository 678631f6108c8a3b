/** Runs the missions' timers on this process's monotonic clock, for as long as it holds the partition. */
import type { MissionTimer } from '../../domain/mission-timers.js';
import type { Clock, Timer } from '../../ports/clock.js';

export interface MissionClock {
  /** Starts new timers of the mission itself and stops those that it no longer has. */
  setMission(missionId: string, timers: readonly MissionTimer[]): void;
  /** The same for one of its tasks. */
  setTask(missionId: string, taskId: string, timers: readonly MissionTimer[]): void;
  isExpired(timerKey: string): boolean;
  /** Ids of the mission's tasks with a timer that has run out. */
  tasksWithExpired(missionId: string): Iterable<string>;
  /** Starts a task's timer again, whether or not it has run out. */
  restart(missionId: string, taskId: string, timer: MissionTimer): void;
  /** Stops the timers of a mission that has ended, its tasks' included. */
  end(missionId: string): void;
  clear(): void;
}

/** Timers of one owner, a mission or a task, by their keys. */
type Timers = Map<string, Timer>;

interface OfMission {
  readonly own: Timers;
  readonly tasks: Map<string, Timers>;
  /** Of each task the keys that have run out. */
  readonly expired: Map<string, Set<string>>;
}

export function createMissionClock(
  clock: Clock,
  onExpired: (missionId: string, taskId: string | null) => void,
): MissionClock {
  const missions = new Map<string, OfMission>();
  const expired = new Set<string>();

  function of(missionId: string): OfMission {
    const known = missions.get(missionId) ?? { own: new Map(), tasks: new Map(), expired: new Map() };
    missions.set(missionId, known);
    return known;
  }

  function start(missionId: string, taskId: string | null, { key, delayMs }: MissionTimer): Timer {
    return clock.setTimer(delayMs, () => {
      expired.add(key);
      if (taskId !== null) addTo(of(missionId).expired, taskId, key);
      onExpired(missionId, taskId);
    });
  }

  /** Also what has run out is kept in `running`: as long as it is the same wait it does not start again. */
  function set(missionId: string, taskId: string | null, running: Timers, timers: readonly MissionTimer[]): void {
    for (const [key, timer] of running) {
      if (timers.some((wanted) => wanted.key === key)) continue;
      timer.cancel();
      running.delete(key);
      forget(missionId, taskId, key);
    }
    for (const timer of timers) if (!running.has(timer.key)) running.set(timer.key, start(missionId, taskId, timer));
  }

  function forget(missionId: string, taskId: string | null, key: string): void {
    expired.delete(key);
    if (taskId !== null) deleteFrom(of(missionId).expired, taskId, key);
  }

  function end(missionId: string): void {
    const { own, tasks } = of(missionId);
    for (const [taskId, running] of tasks) set(missionId, taskId, running, []);
    set(missionId, null, own, []);
    missions.delete(missionId);
  }

  return {
    setMission: (missionId, timers) => set(missionId, null, of(missionId).own, timers),
    setTask(missionId, taskId, timers) {
      const { tasks } = of(missionId);
      const running: Timers = tasks.get(taskId) ?? new Map();
      set(missionId, taskId, running, timers);
      if (running.size > 0) tasks.set(taskId, running);
      else tasks.delete(taskId);
    },
    isExpired: (key) => expired.has(key),
    tasksWithExpired: (missionId) => missions.get(missionId)?.expired.keys() ?? [],
    restart(missionId, taskId, timer) {
      const running = of(missionId).tasks.get(taskId);
      running?.get(timer.key)?.cancel();
      forget(missionId, taskId, timer.key);
      running?.set(timer.key, start(missionId, taskId, timer));
    },
    end,
    clear() {
      for (const missionId of [...missions.keys()]) end(missionId);
    },
  };
}

function addTo(sets: Map<string, Set<string>>, name: string, value: string): void {
  const known = sets.get(name);
  if (known === undefined) sets.set(name, new Set([value]));
  else known.add(value);
}

function deleteFrom(sets: Map<string, Set<string>>, name: string, value: string): void {
  const known = sets.get(name);
  known?.delete(value);
  if (known?.size === 0) sets.delete(name);
}
