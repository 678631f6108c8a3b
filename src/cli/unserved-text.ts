import type { MissionReport, TaskReport } from '../domain/report.js';
import { unservedFact, unservedMessage } from '../domain/unserved.js';
import { roughDuration } from './durations.js';

/** What a task does now, as its line says it: what it waits for, and since when. */
export function detailOf(task: TaskReport, nowMs: number): string {
  return task.unserved_since === null
    ? task.detail
    : unservedMessage(task.agent, task.unserved_since, lasted(task.unserved_since, nowMs));
}

/** The agents that a mission waits for, in one line; empty when there are none. */
export function unservedLine({ unserved_agents: agents }: MissionReport, nowMs: number): string {
  return agents.map(({ agent, since }) => unservedFact(agent, since, lasted(since, nowMs))).join(', ');
}

const lasted = (since: string, nowMs: number): string => roughDuration(nowMs - Date.parse(since));
