import { COORDINATION_PARTITIONS } from '../pressure/events.js';
import type { RawRead } from './raw-read.js';
import { figure, type Figure } from './report.js';
import type { RoleProcess } from './role-process.js';

/**
 * When a role was ready, and what that took. Processor time, because wall-clock time tells more of what else the
 * machine does.
 */
export interface Ready {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

/** A worker is ready when it has caught up. */
export async function whenReady(worker: RoleProcess): Promise<Ready> {
  return readyAfter(worker, await worker.logged('worker.ready'));
}

/** An orchestrator is ready when it holds all partitions of the coordination topic. */
export async function whenHeld(orchestrator: RoleProcess, partitions = COORDINATION_PARTITIONS): Promise<Ready> {
  return readyAfter(orchestrator, await orchestrator.logged('partitions.held', ({ held }) => held === partitions));
}

function readyAfter(role: RoleProcess, seconds: number): Ready {
  return { seconds, cpuSeconds: role.cpuSeconds(), peakMb: Math.max(...role.memory.map(({ mb }) => mb)) };
}

/** A start in front of records, against one without, and its fold against a bare client. */
export function foldFigures(records: number, ready: Ready, idle: Ready, raw: RawRead): readonly Figure[] {
  return [
    {
      ...figure('from the start to ready', 's', ready.seconds),
      floor: { name: 'with nothing to fold', value: idle.seconds },
    },
    {
      ...figure('processor time of that', 'CPU s', ready.cpuSeconds),
      floor: { name: 'with nothing to fold', value: idle.cpuSeconds },
    },
    {
      ...figure('folding', 'records per CPU second', records / (ready.cpuSeconds - idle.cpuSeconds)),
      floor: { name: 'a bare client, decoding nothing', value: raw.perCpuSecond },
    },
  ];
}
