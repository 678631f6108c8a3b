/** How fast the swarm is, beside what the same broker and computer do at best. */
import type { Finding } from '../support/report.js';
import { measureAtRest } from './at-rest.js';
import { measureCpu } from './cpu.js';
import { measureDurableCall } from './durable-call.js';
import { measureHistory } from './history.js';
import { measureInFlight } from './in-flight.js';
import { measureMissionSize } from './mission-size.js';
import { measureMissions } from './missions.js';
import { measureOneTask } from './one-task.js';
import type { SpeedOptions } from './options.js';
import { measureSandbox } from './sandbox.js';
import { measureScaleOut } from './scale-out.js';
import { measureSnapshots } from './snapshots.js';
import { measureStartUp } from './start-up.js';

export const SPEED_PARTS = [
  'one-task',
  'in-flight',
  'durable-call',
  'start-up',
  'missions',
  'history',
  'scale-out',
  'at-rest',
  'cpu',
  'mission-size',
  'sandbox',
  'snapshots',
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
    case 'missions':
      return measureMissions(options);
    case 'history':
      return measureHistory(options);
    case 'scale-out':
      return measureScaleOut(options);
    case 'at-rest':
      return measureAtRest(options);
    case 'cpu':
      return measureCpu(options);
    case 'mission-size':
      return measureMissionSize(options.rounds);
    case 'sandbox':
      return measureSandbox(options.rounds, options.projectDir);
    case 'snapshots':
      return measureSnapshots(options.rounds);
  }
}
