import type { Clock } from '../ports/clock.js';
import type { Metrics, ModelCallOutcome } from '../ports/metrics.js';
import { ModelError, type ChatModel } from '../ports/model.js';

/** A model that reports each call to the metrics, with outcome and duration. */
export function withMetrics(model: ChatModel, clock: Clock, metrics: Metrics): ChatModel {
  return {
    ...model,
    async chat(request, signal) {
      const startedMs = clock.monotonicMs();
      let outcome: ModelCallOutcome = 'aborted';
      try {
        const reply = await model.chat(request, signal);
        outcome = 'ok';
        return reply;
      } catch (error) {
        if (error instanceof ModelError) outcome = error.code;
        throw error;
      } finally {
        metrics.modelCall({ model: model.name, outcome, durationMs: clock.monotonicMs() - startedMs });
      }
    },
  };
}
