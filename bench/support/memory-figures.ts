import { figure, type Figure } from './report.js';
import type { RoleProcess } from './role-process.js';

/** Peak until now, where it stands, and how it moved since a moment. */
export function memoryFigures(role: RoleProcess, sinceSeconds: number): readonly Figure[] {
  const since = role.memory.filter(({ atSeconds }) => atSeconds >= sinceSeconds);
  return [
    figure('resident memory, peak', 'MB', Math.max(...role.memory.map(({ mb }) => mb))),
    figure('resident memory after the fold', 'MB', ...since.map(({ mb }) => mb)),
    figure('its slope after the fold', 'MB/min', slopePerMinute(since.map(({ atSeconds, mb }) => [atSeconds, mb]))),
  ];
}

/** Least squares. */
function slopePerMinute(points: readonly (readonly [number, number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return (covariance / variance) * 60;
}
