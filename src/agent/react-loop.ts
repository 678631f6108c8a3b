import { endReached, finishUnchecked } from './loop-end.js';
import type { LoopEffects, LoopEnd, LoopTask } from './loop-contract.js';
import { startLoop, take, type LoopLimits } from './loop-state.js';
import { fromResult } from './taken-step.js';
import { repeatLostCall, takeTurn } from './turn.js';

/**
 * Carries a task out: asks the chain's models for the next step, has it performed, and goes on with its outcome, until
 * finish passes its checks or a limit ends the task. History counts as if this loop had taken its steps itself.
 *
 * Resolves with how it ended. Rejects with the signal's reason when the task is taken away, and with what perform() or
 * reserveTurn() reject with.
 */
export async function runReActLoop(task: LoopTask, effects: LoopEffects, limits: LoopLimits): Promise<LoopEnd> {
  const loop = startLoop(task, effects, limits);
  for (;;) {
    effects.signal.throwIfAborted();
    const end = endReached(loop);
    if (end) return end;
    const decided = repeatLostCall(loop) ?? (await takeTurn(loop));
    if ('kind' in decided) return decided;
    const unchecked = finishUnchecked(loop, decided);
    if (unchecked) return unchecked;
    const result = await effects.perform(decided);
    take(loop, decided, fromResult(loop.transcript.steps.length + 1, decided, result));
  }
}
