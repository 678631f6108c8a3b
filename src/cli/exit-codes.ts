/** What the process's exit code says; scripts rely on it. */
export const EXIT = {
  done: 0,
  missionFailed: 1,
  usage: 2,
  unreachable: 3,
  roleFailed: 4,
  internal: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** By code, in rising order: the table of docs/cli.md and of --help. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done; for `run`, `submit --wait` and `start`: the mission completed',
  1: 'the mission failed or was cancelled; of `artifacts`: a file has changed or was removed',
  2: 'wrong use or configuration, a missing right, or an output that cannot be written: a person must change something',
  3: 'no broker or registry, or no worker that has an artifact: it may pass',
  4: 'a role failed: six times in a row, or with an error that a restart cannot fix (last log line: `role.failed`)',
  70: 'an internal error',
  130: 'interrupted',
};
