/** What the process's exit code says; scripts rely on it. */
export const EXIT = {
  done: 0,
  missionFailed: 1,
  /** Wrong use or configuration. */
  usage: 2,
  /** No broker or registry. */
  unreachable: 3,
  /** A role gave up: too many failures in a row, or an error that a restart cannot fix. */
  roleFailed: 4,
  /** An error that nothing in the program handled. */
  internal: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
