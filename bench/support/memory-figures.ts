import { figure, type Figure } from './report.js';
import type { RoleProcess } from './role-process.js';
import { trendOf } from './statistics.js';

/** Peak until now, where it stands, and how it moved since a moment. */
export function memoryFigures(role: RoleProcess, sinceSeconds: number): readonly Figure[] {
  const since = role.memory.filter(({ atSeconds }) => atSeconds >= sinceSeconds);
  return [
    figure('resident memory, peak', 'MB', Math.max(...role.memory.map(({ mb }) => mb))),
    figure('resident memory after the fold', 'MB', ...since.map(({ mb }) => mb)),
    figure('its slope after the fold', 'MB/min', 60 * trendOf(since.map(({ atSeconds, mb }) => [atSeconds, mb])).slope),
  ];
}
