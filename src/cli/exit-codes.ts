/** What the process's exit code says; scripts rely on it. */
export const EXIT = {
  done: 0,
  missionFailed: 1,
  /** Wrong use or configuration. */
  usage: 2,
  /** No broker or registry. */
  unreachable: 3,
  /** A role failed for good: too often in a row, or with an error that no restart heals. */
  roleFailed: 4,
  /** A fault of this program that nothing handled. */
  broken: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
