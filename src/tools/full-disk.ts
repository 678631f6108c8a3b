import { WorkspaceFull, WorkspaceUnusable, type ToolExecutor } from '../ports/tools.js';
import { codeOf } from './places.js';

/** The system's words for a full disk and for a used-up quota. */
const OUT_OF_SPACE: readonly string[] = ['ENOSPC', 'EDQUOT'];

/** The executor, which rejects with WorkspaceFull for whatever there was no space to write. */
export function noticingFullDisks(executor: ToolExecutor): ToolExecutor {
  const noticing =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await work(...args);
      } catch (error) {
        throw isOutOfSpace(error) ? new WorkspaceFull({ cause: error }) : error;
      }
    };
  return {
    definitions: executor.definitions,
    takeFence: noticing(executor.takeFence),
    recoverOutcome: noticing(executor.recoverOutcome),
    run: noticing(executor.run),
    runChecks: noticing(executor.runChecks),
    prepareWorkspace: noticing(executor.prepareWorkspace),
  };
}

/** Also where a workspace could not be created for want of space. */
function isOutOfSpace(error: unknown): boolean {
  return OUT_OF_SPACE.includes(codeOf(error instanceof WorkspaceUnusable ? error.cause : error));
}
