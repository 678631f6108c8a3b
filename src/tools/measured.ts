/** Counts what the tools run, and what they refuse to run. */
import type { SandboxUse } from '../ports/metrics.js';
import { PermissionUnavailable, WorkspaceFull, type ToolExecutor } from '../ports/tools.js';
import { launch, type Launch, type LaunchEnd } from './launcher.js';
import type { ToolRuntime } from './tool-runtime.js';

/** As launch. */
export async function launchMeasured(
  { clock, metrics }: Pick<ToolRuntime, 'clock' | 'metrics'>,
  use: SandboxUse,
  request: Launch,
  signal: AbortSignal,
): Promise<LaunchEnd> {
  const startedMs = clock.monotonicMs();
  const end = await launch(request, signal);
  if (end.kind === 'failed') metrics.sandboxRefused('sandbox');
  else if (end.kind !== 'started_before') metrics.sandboxRan(use, clock.monotonicMs() - startedMs);
  return end;
}

/** Counts calls and checks that reject because something is missing here. */
export function countingRefusals(executor: ToolExecutor, { metrics }: Pick<ToolRuntime, 'metrics'>): ToolExecutor {
  const counting =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await work(...args);
      } catch (error) {
        if (error instanceof WorkspaceFull) metrics.sandboxRefused('disk');
        if (error instanceof PermissionUnavailable) metrics.sandboxRefused('permission');
        throw error;
      }
    };
  return { ...executor, run: counting(executor.run), runChecks: counting(executor.runChecks) };
}
