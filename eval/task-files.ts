/** The tasks of the evaluation: eval/tasks/*.yaml. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const command = z.string().min(1);
const path = z.string().regex(/^(?!\/)(?!.*\.\.)[\w.][\w. /-]*$/, 'a path inside the workspace');

const taskSchema = z.strictObject({
  /** What the agent is asked to do. */
  brief: z.string().min(20),
  /** Files of the workspace before the task, by path. */
  files: z.record(path, z.string()).default({}),
  /** Files that the checks rely on; the agent must not change them. The judge puts them back first. */
  protected: z.array(path).default([]),
  /** Files that the checks name and that the task is to change. */
  changes: z.array(path).default([]),
  checks: z.array(z.strictObject({ name: z.string().min(1), command })).min(1),
  /** A shell script that does the task. Of an impossible task: the honest try, which the checks refuse. */
  solution: command,
  /** A script that a hasty agent would write; the checks refuse it. */
  wrong: command,
  /** A script that satisfies the checks against the brief, such as changing the test. */
  cheat: command.optional(),
  /** Why brief and checks contradict each other; any pass is a false success. */
  impossible: z.string().min(1).optional(),
});

export interface EvalTask extends z.output<typeof taskSchema> {
  /** The file's name without its ending. */
  readonly name: string;
}

/** A file of a task cannot be used; the message names the file and the field. */
export class TaskFileError extends Error {
  readonly code = 'eval_task';
  readonly retriable = false;
}

/** All tasks of a directory, by name. Rejects with TaskFileError. */
export async function readTasks(directory: string): Promise<readonly EvalTask[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.yaml')).sort();
  return Promise.all(files.map(async (file) => readTask(join(directory, file))));
}

async function readTask(file: string): Promise<EvalTask> {
  const parsed = taskSchema.safeParse(parse(await readFile(file, 'utf8')));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new TaskFileError(`${file}: ${problems.join('; ')}`);
  }
  return { name: basename(file, '.yaml'), ...parsed.data };
}
