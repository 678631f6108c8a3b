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

/** The keys of `limits:` in camel case; sizes are in MiB. docs/agents.md has the defaults. */
export interface LimitsDefinition {
  readonly wallSeconds?: number;
  readonly cpuSeconds?: number;
  readonly memoryMb?: number;
  readonly processes?: number;
  readonly openFiles?: number;
  readonly fileMb?: number;
  readonly tmpMb?: number;
  readonly shmMb?: number;
  readonly outputMb?: number;
  readonly workspaceMb?: number;
  readonly workspaceFiles?: number;
}

/** A definition with the keys of files. */
export function limitKeys(definition: LimitsDefinition | undefined): Readonly<Record<string, unknown>> | undefined {
  if (definition === undefined) return undefined;
  const inFiles = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(definition).map(([key, value]) => [inFiles(key), value]));
}
