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

/** What the functions below share. */
interface Parts {
  readonly clock: Clock;
  readonly onExpired: (missionId: string, taskId: string | null) => void;
  readonly missions: Map<string, OfMission>;
  /** Keys that have run out. */
  readonly expired: Set<string>;
}

export function createMissionClock(clock: Clock, onExpired: Parts['onExpired']): MissionClock {
  const parts: Parts = { clock, onExpired, missions: new Map(), expired: new Set() };
  const { missions, expired } = parts;
  return {
    setMission: (missionId, timers) => set(parts, missionId, null, ofMission(parts, missionId).own, timers),
    setTask(missionId, taskId, timers) {
      const { tasks } = ofMission(parts, missionId);
      const running: Timers = tasks.get(taskId) ?? new Map();
      set(parts, missionId, taskId, running, timers);
      if (running.size > 0) tasks.set(taskId, running);
      else tasks.delete(taskId);
    },
    isExpired: (key) => expired.has(key),
    tasksWithExpired: (missionId) => missions.get(missionId)?.expired.keys() ?? [],
    restart(missionId, taskId, timer) {
      const running = ofMission(parts, missionId).tasks.get(taskId);
      running?.get(timer.key)?.cancel();
      forget(parts, missionId, taskId, timer.key);
      running?.set(timer.key, start(parts, missionId, taskId, timer));
    },
    end: (missionId) => end(parts, missionId),
    clear() {
      for (const missionId of [...missions.keys()]) end(parts, missionId);
    },
  };
}

function ofMission({ missions }: Parts, missionId: string): OfMission {
  const known = missions.get(missionId) ?? { own: new Map(), tasks: new Map(), expired: new Map() };
  missions.set(missionId, known);
  return known;
}

function start(parts: Parts, missionId: string, taskId: string | null, { key, delayMs }: MissionTimer): Timer {
  return parts.clock.setTimer(delayMs, () => {
    parts.expired.add(key);
    if (taskId !== null) addTo(ofMission(parts, missionId).expired, taskId, key);
    parts.onExpired(missionId, taskId);
  });
}

/** Also what has run out is kept in `running`: as long as it is the same wait it does not start again. */
function set(
  parts: Parts,
  missionId: string,
  taskId: string | null,
  running: Timers,
  timers: readonly MissionTimer[],
): void {
  for (const [key, timer] of running) {
    if (timers.some((wanted) => wanted.key === key)) continue;
    timer.cancel();
    running.delete(key);
    forget(parts, missionId, taskId, key);
  }
  for (const timer of timers)
    if (!running.has(timer.key)) running.set(timer.key, start(parts, missionId, taskId, timer));
}

function forget(parts: Parts, missionId: string, taskId: string | null, key: string): void {
  parts.expired.delete(key);
  if (taskId !== null) deleteFrom(ofMission(parts, missionId).expired, taskId, key);
}

function end(parts: Parts, missionId: string): void {
  const { own, tasks } = ofMission(parts, missionId);
  for (const [taskId, running] of tasks) set(parts, missionId, taskId, running, []);
  set(parts, missionId, null, own, []);
  parts.missions.delete(missionId);
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
