import type { MissionReport, TaskReport } from '../domain/report.js';
import { withoutWorkerFact, withoutWorkerMessage } from '../domain/without-worker.js';
import { roughDuration } from './durations.js';

/** What a task does now, as its line says it: what it waits for, and since when. */
export function detailOf(
  { agent, detail, unserved_since: since, unknown_agent: unknown }: TaskReport,
  nowMs: number,
): string {
  return since === null ? detail : withoutWorkerMessage({ agent, since, unknown }, lasted(since, nowMs));
}

/** The agents that a mission waits for, in one line; empty when there are none. */
export function withoutWorkerLine({ unserved_agents: agents }: MissionReport, nowMs: number): string {
  return agents.map((missing) => withoutWorkerFact(missing, lasted(missing.since, nowMs))).join(', ');
}

const lasted = (since: string, nowMs: number): string => roughDuration(nowMs - Date.parse(since));
