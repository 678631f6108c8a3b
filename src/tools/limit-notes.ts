/** What the model reads about a limit that its call has reached. */
import { DEFAULT_LIMITS, LIMITS_BY_NAME, type LimitName, type Limits } from '../domain/limits.js';

/** What was reached, and what to do. */
const WORDS: Readonly<Record<LimitName, readonly [what: string, advice: string]>> = {
  wall_time: ['the time limit', 'do less in one call'],
  cpu_seconds: ['the limit of CPU seconds', 'do less in one call'],
  memory: ['the memory limit in MiB', 'work on less at a time, or with fewer processes'],
  processes: ['the limit of processes and threads', 'start fewer at the same time'],
  open_files: ['the limit of open files of a process', 'close files, or work on fewer at a time'],
  file_size: ['the limit of a file’s size in MiB', 'write less, or several files'],
  tmp_size: ['the size of /tmp in MiB', 'remove what is not needed, or write to the workspace'],
  shm_size: ['the size of /dev/shm in MiB', 'use less shared memory'],
  output: ['the limit of an output in MiB; the rest of it is lost', 'print less, or write to a file'],
  workspace_size: [
    'the size of the workspace in MiB',
    'remove files that are not needed; a directory counts as too large if it is closed to its owner or too deep',
  ],
  workspace_files: ['the limit of files in the workspace', 'remove files that are not needed'],
};

/** Such as "the memory limit in MiB was reached (memory_mb: 512): work on less at a time, or with fewer processes". */
export function limitNote(name: LimitName, limits: Limits = DEFAULT_LIMITS): string {
  const [what, advice] = WORDS[name];
  const key = LIMITS_BY_NAME[name];
  return `${what} was reached (${key}: ${limits[key]}): ${advice}`;
}

/** Whether it is one of the workspace, of which can be said how full it is. */
export const isOfWorkspace = (name: LimitName | null): boolean =>
  name === 'workspace_size' || name === 'workspace_files';
