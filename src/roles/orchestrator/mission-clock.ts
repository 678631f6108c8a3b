/** Runs the missions' timers on this process's monotonic clock, for as long as it holds the partition. */
import type { ExpiredWaits, MissionTimer, TaskWait } from '../../domain/mission-timers.js';
import type { Clock, Timer } from '../../ports/clock.js';

export interface MissionClock {
  /**
   * Starts new timers of the mission itself and stops those that it no longer has. One that is frozen does not run; one
   * with another length than before keeps what has passed of it.
   */
  setMission(missionId: string, timers: readonly MissionTimer[]): void;
  /** The same for one of its tasks. */
  setTask(missionId: string, taskId: string, timers: readonly MissionTimer[]): void;
  isExpired(timerKey: string): boolean;
  /** The mission's tasks with a wait that has run out and is not frozen, by its kind and their agent. */
  expiredWaits(missionId: string): Iterable<ExpiredWaits>;
  /** Starts a task's timer again, whether or not it has run out. */
  restart(missionId: string, taskId: string, timer: MissionTimer): void;
  /** Stops the timers of a mission that has ended, its tasks' included. */
  end(missionId: string): void;
  clear(): void;
}

interface Running {
  readonly delayMs: number;
  readonly frozen: boolean;
  /** What has passed of it until `sinceMs`, and since when it runs (monotonic). */
  readonly passedMs: number;
  readonly sinceMs: number;
  /** null while it is frozen. */
  readonly timer: Timer | null;
  readonly wait: TaskWait | null;
}

/** Timers of one owner, a mission or a task, by their keys. */
type Timers = Map<string, Running>;

interface OfMission {
  readonly own: Timers;
  readonly tasks: Map<string, Timers>;
  /** By kind and agent: what is decided about one of them costs nothing for the others. */
  readonly expired: Map<string, TaskWait & { readonly taskIds: Set<string> }>;
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
    expiredWaits: (missionId) => missions.get(missionId)?.expired.values() ?? [],
    restart(missionId, taskId, timer) {
      const running = ofMission(parts, missionId).tasks.get(taskId);
      const before = running?.get(timer.key);
      if (running === undefined || before === undefined) return;
      before.timer?.cancel();
      forget(parts, missionId, taskId, timer.key, before);
      running.set(timer.key, start(parts, missionId, taskId, timer, 0));
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

/** @param passedMs what has passed of it before */
function start(
  parts: Parts,
  missionId: string,
  taskId: string | null,
  { key, delayMs, frozen = false, wait }: MissionTimer,
  passedMs: number,
): Running {
  const began = { delayMs, frozen, passedMs, sinceMs: parts.clock.monotonicMs(), wait: wait ?? null };
  if (frozen) return { ...began, timer: null };
  const timer = parts.clock.setTimer(Math.max(0, delayMs - passedMs), () => {
    parts.expired.add(key);
    list(parts, missionId, taskId, began);
    parts.onExpired(missionId, taskId);
  });
  return { ...began, timer };
}

/** The same wait, frozen or not, or with another length. What has run out stays so while it is not longer. */
function change(
  parts: Parts,
  missionId: string,
  taskId: string | null,
  before: Running,
  wanted: MissionTimer,
): Running {
  const nowMs = parts.clock.monotonicMs();
  const passedMs = before.passedMs + (before.frozen ? 0 : nowMs - before.sinceMs);
  before.timer?.cancel();
  if (parts.expired.has(wanted.key)) {
    if (wanted.delayMs <= before.delayMs) {
      const frozen = wanted.frozen === true;
      const expired = { ...before, frozen, passedMs, sinceMs: nowMs, timer: null };
      if (frozen) unlist(parts, missionId, taskId, before);
      else list(parts, missionId, taskId, expired);
      return expired;
    }
    forget(parts, missionId, taskId, wanted.key, before);
  }
  return start(parts, missionId, taskId, wanted, passedMs);
}

const isSame = (running: Running, { delayMs, frozen = false }: MissionTimer): boolean =>
  running.delayMs === delayMs && running.frozen === frozen;

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
    timer.timer?.cancel();
    running.delete(key);
    forget(parts, missionId, taskId, key, timer);
  }
  for (const timer of timers) {
    const before = running.get(timer.key);
    if (before === undefined) running.set(timer.key, start(parts, missionId, taskId, timer, 0));
    else if (!isSame(before, timer)) running.set(timer.key, change(parts, missionId, taskId, before, timer));
  }
}

function forget(parts: Parts, missionId: string, taskId: string | null, key: string, running: Running): void {
  parts.expired.delete(key);
  unlist(parts, missionId, taskId, running);
}

type Listed = Pick<Running, 'wait'>;

/** By the task's id: it waits for one thing at a time. */
function list(parts: Parts, missionId: string, taskId: string | null, { wait }: Listed): void {
  if (wait === null || taskId === null) return;
  const { expired } = ofMission(parts, missionId);
  const name = nameOf(wait);
  const known = expired.get(name);
  if (known === undefined) expired.set(name, { ...wait, taskIds: new Set([taskId]) });
  else known.taskIds.add(taskId);
}

function unlist(parts: Parts, missionId: string, taskId: string | null, { wait }: Listed): void {
  if (wait === null || taskId === null) return;
  const { expired } = ofMission(parts, missionId);
  const name = nameOf(wait);
  const known = expired.get(name);
  known?.taskIds.delete(taskId);
  if (known?.taskIds.size === 0) expired.delete(name);
}

const nameOf = ({ kind, agent }: TaskWait): string => `${kind}/${agent}`;

function end(parts: Parts, missionId: string): void {
  const { own, tasks } = ofMission(parts, missionId);
  for (const [taskId, running] of tasks) set(parts, missionId, taskId, running, []);
  set(parts, missionId, null, own, []);
  parts.missions.delete(missionId);
}
