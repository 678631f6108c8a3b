import type { MissionReport, TaskReport } from '../domain/report.js';
import { withoutWorkerFact, withoutWorkerMessage } from '../domain/without-worker.js';
import { roughDuration } from './durations.js';

/** What a task does now, as its line says it: what it waits for, and since when. */
export function detailOf(task: TaskReport, nowMs: number): string {
  return task.unserved_since === null
    ? task.detail
    : withoutWorkerMessage(task.agent, task.unserved_since, lasted(task.unserved_since, nowMs));
}

/** The agents that a mission waits for, in one line; empty when there are none. */
export function withoutWorkerLine({ unserved_agents: agents }: MissionReport, nowMs: number): string {
  return agents.map(({ agent, since }) => withoutWorkerFact(agent, since, lasted(since, nowMs))).join(', ');
}

const lasted = (since: string, nowMs: number): string => roughDuration(nowMs - Date.parse(since));
