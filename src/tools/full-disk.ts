import { isOutOfSpace } from '../domain/system-error.js';
import { WorkspaceFull, WorkspaceUnusable, type ToolExecutor } from '../ports/tools.js';
import { codeOf } from './system-errors.js';

/**
 * Wraps an executor so that it rejects with WorkspaceFull when there was no space to write.
 * @param describe says how full the disk is; absent: the message does not
 */
export function reportingFullDisks(executor: ToolExecutor, describe?: () => Promise<string>): ToolExecutor {
  const reporting =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await work(...args);
      } catch (error) {
        if (!lacksSpace(error)) throw error;
        const facts = await describe?.().catch(() => undefined); // the disk may be gone altogether
        throw facts === undefined ? new WorkspaceFull({ cause: error }) : new WorkspaceFull({ cause: error }, facts);
      }
    };
  return {
    definitions: executor.definitions,
    takeFence: reporting(executor.takeFence),
    recoverOutcome: reporting(executor.recoverOutcome),
    run: reporting(executor.run),
    runChecks: reporting(executor.runChecks),
    takeBaseline: reporting(executor.takeBaseline),
    runInEmpty: reporting(executor.runInEmpty),
    changedPaths: reporting(executor.changedPaths),
    takeSnapshot: reporting(executor.takeSnapshot),
    noteSnapshot: reporting(executor.noteSnapshot),
    listArtifacts: reporting(executor.listArtifacts),
    prepareWorkspace: reporting(executor.prepareWorkspace),
    checkWorkspace: reporting(executor.checkWorkspace),
  };
}

/** Includes a workspace that could not be created because there was no space. */
function lacksSpace(error: unknown): boolean {
  return isOutOfSpace(codeOf(error instanceof WorkspaceUnusable ? error.cause : error));
}
