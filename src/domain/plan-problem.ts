/** What is wrong with a plan, in words that a model or a mission's author can act on. */
export interface PlanProblem {
  /** Where in the plan, such as ['waves', 0, 'tasks', 1, 'agent']. */
  readonly path: readonly (string | number)[];
  /** What is wrong. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Both in one sentence. */
export function describePlanProblem(problem: PlanProblem): string {
  return `${problem.message}; ${problem.fix}.`;
}
