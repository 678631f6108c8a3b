/** Limits as files and programs write them. */
import { z } from 'zod';
import type { LimitKey, LimitSettings } from '../domain/limits.js';
import { numberIn } from './checked-values.js';

/** `limits:` of an agent's file and of a mission's. */
export const limitsSchema = z.strictObject({
  wall_seconds: numberIn('limits wall_seconds').optional().describe('Wall time of one call, in seconds.'),
  cpu_seconds: numberIn('limits cpu_seconds').optional().describe('CPU time of one call, in seconds.'),
  memory_mb: numberIn('limits memory_mb').optional().describe('Memory of all its processes together, in MiB.'),
  processes: numberIn('limits processes').optional().describe('Processes and threads at the same time.'),
  open_files: numberIn('limits open_files').optional().describe('Open files of each process.'),
  file_mb: numberIn('limits file_mb').optional().describe('Size of each file, in MiB.'),
  tmp_mb: numberIn('limits tmp_mb').optional().describe('Size of /tmp, in MiB.'),
  shm_mb: numberIn('limits shm_mb').optional().describe('Size of /dev/shm, in MiB.'),
  output_mb: numberIn('limits output_mb').optional().describe('Each of stdout and stderr, in MiB.'),
  workspace_mb: numberIn('limits workspace_mb').optional().describe('Size of the workspace, in MiB.'),
  workspace_files: numberIn('limits workspace_files').optional().describe('Files and directories in the workspace.'),
} satisfies Record<LimitKey, z.ZodType>);

/** Those that are set. */
export function limitSettings(limits: z.output<typeof limitsSchema> | undefined): LimitSettings {
  return Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined));
}

/** The keys of `limits:` in camel case, each with its range and what is in force where it is missing. */
export interface LimitsDefinition {
  /** Wall time of a call, in seconds; it also ends at its task's deadline: 1 to 3600. Default 300. */
  readonly wallSeconds?: number;
  /** CPU time of all its processes together, in seconds: 1 to 31536000. Default 3600. */
  readonly cpuSeconds?: number;
  /** Of all its processes together, in MiB: 32 to 1048576. Default 4096. */
  readonly memoryMb?: number;
  /** Processes and threads that are there at the same time: 8 to 1000000. Default 1024. */
  readonly processes?: number;
  /** Open files of each process: 32 to 1000000. Default 4096. */
  readonly openFiles?: number;
  /** Size of each file, in MiB: 1 to 1048576. Default 1024. */
  readonly fileMb?: number;
  /** Size of /tmp, in MiB: 1 to 1048576. Default 1024. */
  readonly tmpMb?: number;
  /** Size of /dev/shm, in MiB: 1 to 1048576. Default 256. */
  readonly shmMb?: number;
  /** Each of stdout and stderr, in MiB: 1 to 1048576. Default 256. */
  readonly outputMb?: number;
  /** Size of the workspace, in MiB: 1 to 16777216. Default 10240. */
  readonly workspaceMb?: number;
  /** Files and directories in the workspace: 10 to 1000000000. Default 500000. */
  readonly workspaceFiles?: number;
}

/** A definition with the keys of files. */
export function limitKeys(definition: LimitsDefinition | undefined): Readonly<Record<string, unknown>> | undefined {
  if (definition === undefined) return undefined;
  const inFiles = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(definition).map(([key, value]) => [inFiles(key), value]));
}
