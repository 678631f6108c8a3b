/** Whether much work lets a process grow, and how long a start takes in front of it. */
import type { Finding } from '../support/report.js';
import { measureLongCoordination } from './long-coordination.js';
import { measureLongLoad } from './long-load.js';
import { measureLongTasksTopic } from './long-tasks-topic.js';
import { measureOpenMissions } from './open-missions.js';
import type { PressureOptions } from './options.js';
import { measureQueuedTasks } from './queued-tasks.js';

export const PRESSURE_PARTS = [
  'queued-tasks',
  'open-missions',
  'long-tasks-topic',
  'long-coordination',
  'long-load',
] as const;
export type PressurePart = (typeof PRESSURE_PARTS)[number];

export function runPressure(part: PressurePart, options: PressureOptions): Promise<readonly Finding[]> {
  switch (part) {
    case 'queued-tasks':
      return measureQueuedTasks(options);
    case 'open-missions':
      return measureOpenMissions(options);
    case 'long-tasks-topic':
      return measureLongTasksTopic(options);
    case 'long-coordination':
      return measureLongCoordination(options);
    case 'long-load':
      return measureLongLoad(options);
  }
}
