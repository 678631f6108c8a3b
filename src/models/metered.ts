import type { Clock } from '../ports/clock.js';
import type { Metrics, ModelCallMeasured, ModelCallOutcome } from '../ports/metrics.js';
import { ModelError, type ChatModel } from '../ports/model.js';

type Used = ModelCallMeasured['used'];

const NOTHING: Used = { tokens: { in: 0, out: 0, unknown: 0 }, usd: 0 };

/** A model that reports each call to the metrics, with outcome, duration and what it has used. */
export function withMetrics(model: ChatModel, clock: Clock, metrics: Metrics): ChatModel {
  return {
    ...model,
    async chat(request, signal) {
      const startedMs = clock.monotonicMs();
      let outcome: ModelCallOutcome = 'aborted';
      let used = NOTHING;
      try {
        const reply = await model.chat(request, signal);
        outcome = 'ok';
        used = { tokens: { in: reply.tokensIn, out: reply.tokensOut, unknown: 0 }, usd: reply.costUsd };
        return reply;
      } catch (error) {
        if (error instanceof ModelError) {
          outcome = error.code;
          used = { tokens: { ...NOTHING.tokens, unknown: error.used.tokens }, usd: error.used.usd };
        }
        throw error;
      } finally {
        metrics.modelCall({ model: model.name, outcome, durationMs: clock.monotonicMs() - startedMs, used });
      }
    },
  };
}
