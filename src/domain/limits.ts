/**
 * What one call of a tool may use. An agent's file sets the limits of its calls, and a mission's file may lower them:
 * agents belong to those who run the workers, missions come from those who submit them.
 */

/** In force where neither file says anything: ordinary work with node, npm, python, java and psql fits. */
export const DEFAULT_LIMITS = {
  /** Wall time of a call, in seconds; it also ends at its task's deadline. */
  wall_seconds: 300,
  /** CPU time of all its processes together, in seconds. */
  cpu_seconds: 3_600,
  /** Of all its processes together, in MiB. */
  memory_mb: 4_096,
  /** Processes and threads that are there at the same time. */
  processes: 1_024,
  /** Open files of each process. */
  open_files: 4_096,
  /** Size of each file, in MiB. */
  file_mb: 1_024,
  /** Size of /tmp, in MiB. */
  tmp_mb: 1_024,
  /** Size of /dev/shm, in MiB. */
  shm_mb: 256,
  /** Each of stdout and stderr, in MiB. */
  output_mb: 256,
  /** Size of the workspace, in MiB. */
  workspace_mb: 10_240,
  /** Files and directories in the workspace. */
  workspace_files: 500_000,
} as const;

export type LimitKey = keyof typeof DEFAULT_LIMITS;
export const LIMIT_KEYS = [
  'wall_seconds',
  'cpu_seconds',
  'memory_mb',
  'processes',
  'open_files',
  'file_mb',
  'tmp_mb',
  'shm_mb',
  'output_mb',
  'workspace_mb',
  'workspace_files',
] as const satisfies readonly LimitKey[];

export type Limits = Readonly<Record<LimitKey, number>>;
/** As a file sets them; a missing one is left to the others. */
export type LimitSettings = Readonly<Partial<Record<LimitKey, number>>>;

/**
 * The limits of a call: the agent's, else the default; the mission's where it is lower.
 * @param mission by key, as the event has it; keys of newer builds are left out
 */
export function limitsOf(agent: LimitSettings | undefined, mission: Readonly<Record<string, number>>): Limits {
  const lower = (key: LimitKey) => Math.min(agent?.[key] ?? DEFAULT_LIMITS[key], mission[key] ?? Infinity);
  return {
    wall_seconds: lower('wall_seconds'),
    cpu_seconds: lower('cpu_seconds'),
    memory_mb: lower('memory_mb'),
    processes: lower('processes'),
    open_files: lower('open_files'),
    file_mb: lower('file_mb'),
    tmp_mb: lower('tmp_mb'),
    shm_mb: lower('shm_mb'),
    output_mb: lower('output_mb'),
    workspace_mb: lower('workspace_mb'),
    workspace_files: lower('workspace_files'),
  };
}

/** The limits as an outcome names them, each with the key that sets it. */
export const LIMITS_BY_NAME = {
  wall_time: 'wall_seconds',
  cpu_seconds: 'cpu_seconds',
  memory: 'memory_mb',
  processes: 'processes',
  open_files: 'open_files',
  file_size: 'file_mb',
  tmp_size: 'tmp_mb',
  shm_size: 'shm_mb',
  output: 'output_mb',
  workspace_size: 'workspace_mb',
  workspace_files: 'workspace_files',
} as const satisfies Readonly<Record<string, LimitKey>>;

export type LimitName = keyof typeof LIMITS_BY_NAME;
export const LIMIT_NAMES = [
  'wall_time',
  'cpu_seconds',
  'memory',
  'processes',
  'open_files',
  'file_size',
  'tmp_size',
  'shm_size',
  'output',
  'workspace_size',
  'workspace_files',
] as const satisfies readonly LimitName[];
