import { WorkspaceFull, WorkspaceUnusable, type ToolExecutor } from '../ports/tools.js';
import { codeOf } from './places.js';

/** The system's error codes for a full disk and for an exhausted quota. */
const OUT_OF_SPACE: readonly string[] = ['ENOSPC', 'EDQUOT'];

/** Wraps an executor so that it rejects with WorkspaceFull when there was no space to write. */
export function reportingFullDisks(executor: ToolExecutor): ToolExecutor {
  const reporting =
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
    takeFence: reporting(executor.takeFence),
    recoverOutcome: reporting(executor.recoverOutcome),
    run: reporting(executor.run),
    runChecks: reporting(executor.runChecks),
    prepareWorkspace: reporting(executor.prepareWorkspace),
  };
}

/** Includes a workspace that could not be created because there was no space. */
function isOutOfSpace(error: unknown): boolean {
  return OUT_OF_SPACE.includes(codeOf(error instanceof WorkspaceUnusable ? error.cause : error));
}
