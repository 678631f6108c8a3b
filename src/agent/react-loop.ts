import { endReached, finishUnchecked } from './loop-end.js';
import type { LoopEffects, LoopEnd, LoopTask } from './loop-contract.js';
import { startLoop, take, type LoopLimits } from './loop-state.js';
import { fromResult } from './taken-step.js';
import { timeForStep } from './turn-time.js';
import { repeatLostCall, sendStepBack, takeTurn } from './turn.js';
import { RecordTooLarge } from '../ports/log.js';

/**
 * Carries out a task: asks the chain's models for the next step, has it performed and continues with its outcome, until
 * the checks after finish pass or a limit ends the task. A step that the log does not take is sent back to its model.
 * Steps of the history count like this loop's own steps.
 *
 * Resolves with how the task ended. Rejects with the signal's reason when the worker loses the task, and with errors of
 * perform(), reserveTurn() and beforeStep().
 */
export async function runReActLoop(task: LoopTask, effects: LoopEffects, limits: LoopLimits): Promise<LoopEnd> {
  const loop = startLoop(task, effects, limits);
  for (;;) {
    effects.signal.throwIfAborted();
    const end = endReached(loop);
    if (end) return end;
    effects.beforeStep?.();
    const decided = repeatLostCall(loop) ?? (await takeTurn(loop));
    if ('kind' in decided) return decided;
    const unchecked = finishUnchecked(loop, decided);
    if (unchecked) return unchecked;
    const result = await effects
      .perform(decided, () => timeForStep(loop))
      .catch((error: unknown) => {
        if (!(error instanceof RecordTooLarge)) throw error;
        sendStepBack(loop, decided, error);
        return null;
      });
    if (result === null) continue;
    loop.work.stepped(decided.model, result.durationMs);
    take(loop, decided, fromResult(loop.transcript.steps.length + 1, decided, result));
  }
}
