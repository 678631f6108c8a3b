/** One problem in a file that a user wrote. */
export interface Problem {
  readonly file: string;
  /** From 1; null if the problem has no line. */
  readonly line: number | null;
  readonly column: number | null;
  /** What is wrong. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Files that a user wrote cannot be used. It carries all problems that were found, not only the first. */
export class ConfigError extends Error {
  readonly code = 'config';
  readonly retriable = false;

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.name = 'ConfigError';
  }
}

/** file:line:column: what is wrong; what to do. */
export function describeProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== null).join(':');
  return `${place}: ${problem.message}; ${problem.fix}`;
}
