/** How fast the swarm is, beside what the same broker and computer do at best. */
import type { Cluster } from '../support/product-log.js';
import type { Finding } from '../support/report.js';
import { measureAtRest } from './at-rest.js';
import { measureCpu } from './cpu.js';
import { measureDurableCall } from './durable-call.js';
import type { Floors } from './floors.js';
import { measureInFlight } from './in-flight.js';
import { measureOneTask } from './one-task.js';
import { measureScaleOut } from './scale-out.js';
import { measureStartUp } from './start-up.js';

export interface SpeedOptions {
  readonly cluster: Cluster;
  readonly projectDir: string;
  /** Of each figure. */
  readonly rounds: number;
  /** Of the same run. */
  readonly floors: Floors;
  /** Where the profile of the processor time is kept; null: nowhere. */
  readonly profileDir: string | null;
  /** For what must stay as it is however many there were before. */
  readonly history: number;
}

export const SPEED_PARTS = [
  'one-task',
  'in-flight',
  'durable-call',
  'start-up',
  'scale-out',
  'at-rest',
  'cpu',
] as const;
export type SpeedPart = (typeof SPEED_PARTS)[number];

export function runSpeed(part: SpeedPart, options: SpeedOptions): Promise<readonly Finding[]> {
  switch (part) {
    case 'one-task':
      return measureOneTask(options);
    case 'in-flight':
      return measureInFlight(options);
    case 'durable-call':
      return measureDurableCall(options);
    case 'start-up':
      return measureStartUp(options);
    case 'scale-out':
      return measureScaleOut(options);
    case 'at-rest':
      return measureAtRest(options);
    case 'cpu':
      return measureCpu(options);
  }
}
