import type { MissionReport } from '../domain/report.js';
import { UNKNOWN_AGENTS } from '../domain/mission-planning.js';
import { measuredDuration } from './durations.js';
import { oneLine } from './text-width.js';

/** Why a mission without a plan does not start: its planner cannot be reached. On one line. */
export function plannerWaitText({
  calls,
  error,
  retry_in_ms: retryInMs,
  code,
}: NonNullable<MissionReport['planner_wait']>): string {
  if (code === UNKNOWN_AGENTS) return `waits for agents: ${oneLine(error ?? '')}`;
  const next =
    retryInMs === null ? 'it is being asked again' : `the next call comes after ${measuredDuration(retryInMs)}`;
  const why = error === null ? '' : `: ${oneLine(error)}`;
  return `the planner could not be reached in ${calls} call${calls === 1 ? '' : 's'}; ${next}${why}`;
}
