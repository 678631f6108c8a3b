/** Files that tasks leave for people: the patterns that name them, and how many of them a task may have. */
import type { PayloadOf, PlanTask } from './events.js';
import type { PlanProblem } from './plan-problem.js';
import { quoted } from './quoted.js';
import { SIZES } from './sizes.js';
import { workspacePath } from './workspace-path.js';

/** What a result says of a task's artifacts. */
export type TaskArtifacts = NonNullable<PayloadOf<'task_completed'>['artifacts']>;
type UnlistedArtifact = TaskArtifacts['left_out'][number];

const MIB = 1024 ** 2;

/** What of one task is listed at most; what is beyond is left out, and the result says so. */
export const ARTIFACT_LIMITS = {
  files: 1_000,
  /** Their paths in all, so that the result fits into its record. */
  pathBytes: SIZES.artifactPaths,
  fileBytes: 256 * MIB,
  /** All files, which the worker reads at the attempt's end. */
  bytes: 1024 * MIB,
  /** More than so many are counted only. */
  leftOut: 20,
  /** Of each of their paths; the rest is cut. */
  leftOutPathBytes: 300,
} as const;

interface Listed {
  readonly task_id: string;
  readonly artifacts: {
    readonly unmatched: readonly string[];
    readonly left_out: readonly Readonly<UnlistedArtifact>[];
    readonly left_out_count: number;
  } | null;
}

/** What patterns have not found, and what is not listed although one matches. */
export const artifactWarnings = (tasks: readonly Listed[]): readonly string[] =>
  tasks.flatMap(({ task_id: id, artifacts }) => {
    if (artifacts === null) return [];
    const { unmatched, left_out: leftOut, left_out_count: count } = artifacts;
    return [
      ...unmatched.map((pattern) => `${id}: ${pattern} matched no file`),
      ...leftOut.map(({ path, why }) => `${id}: ${path} is not listed: ${why}`),
      ...(count > leftOut.length ? [`${id}: ${count - leftOut.length} more are not listed`] : []),
    ];
  });

/** As one relative to the workspace, without . and empty names; what is no such pattern stays as it is. */
export function artifactPattern(text: string): string {
  return faultOf(text) === null ? (workspacePath(text) ?? text) : text;
}

/** What is wrong with the patterns of a task. */
export function artifactProblems(task: PlanTask, path: readonly (string | number)[]): readonly PlanProblem[] {
  return task.artifacts.flatMap((text, index): readonly PlanProblem[] => {
    const fault = faultOf(text);
    return fault === null ? [] : [{ path: [...path, 'artifacts', index], ...fault }];
  });
}

type Fault = Pick<PlanProblem, 'message' | 'fix'>;

const RELATIVE = 'give a pattern relative to the workspace, such as report/*.md or dist/**';

function faultOf(text: string): Fault | null {
  if (text.trim() === '') return { message: 'a pattern of artifacts is empty', fix: RELATIVE };
  if (text.startsWith('/') || text.startsWith('~')) return { message: `${quoted(text)} is absolute`, fix: RELATIVE };
  const parts = text.split('/');
  if (parts.includes('..')) return { message: `${quoted(text)} may lead out of the workspace`, fix: RELATIVE };
  const found = workspacePath(text);
  if (found === null) return { message: `${quoted(text)} is no path of the workspace`, fix: RELATIVE };
  if (found === '') return { message: `${quoted(text)} is the whole workspace`, fix: 'write ** for all of its files' };
  if (text.startsWith('!'))
    return { message: `${quoted(text)} excludes files, which a pattern cannot`, fix: 'name only what is to be listed' };
  if (/\{[^{}]*,[^{}]*\}/.test(text))
    return { message: `${quoted(text)} has alternatives in braces`, fix: 'give each of them as a separate pattern' };
  return null;
}
