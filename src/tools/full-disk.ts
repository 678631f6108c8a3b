import { isOutOfSpace } from '../domain/system-error.js';
import { WorkspaceFull, WorkspaceUnusable, type ToolExecutor } from '../ports/tools.js';
import { codeOf } from './system-errors.js';

/** Wraps an executor so that it rejects with WorkspaceFull when there was no space to write. */
export function reportingFullDisks(executor: ToolExecutor): ToolExecutor {
  const reporting =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await work(...args);
      } catch (error) {
        throw lacksSpace(error) ? new WorkspaceFull({ cause: error }) : error;
      }
    };
  return {
    definitions: executor.definitions,
    takeFence: reporting(executor.takeFence),
    recoverOutcome: reporting(executor.recoverOutcome),
    run: reporting(executor.run),
    runChecks: reporting(executor.runChecks),
    takeBaseline: reporting(executor.takeBaseline),
    changedPaths: reporting(executor.changedPaths),
    prepareWorkspace: reporting(executor.prepareWorkspace),
  };
}

/** Includes a workspace that could not be created because there was no space. */
function lacksSpace(error: unknown): boolean {
  return isOutOfSpace(codeOf(error instanceof WorkspaceUnusable ? error.cause : error));
}
