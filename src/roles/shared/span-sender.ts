/**
 * Sends the spans of one partition, and knows what of them is still under way: the replay point waits for it, so that
 * after a crash the next holder reads those records again and sends the same spans.
 */
import type { Span } from '../../domain/spans.js';
import type { Tracing } from '../../ports/tracing.js';

export interface SpanSender {
  send(spans: readonly Span[]): void;
  /** Whether no span that holds this is under way. */
  isSettled(key: string): boolean;
}

export function createSpanSender(tracing: Tracing): SpanSender {
  const underWay = new Map<string, number>();
  const settle = (key: string): void => {
    const left = (underWay.get(key) ?? 1) - 1;
    if (left > 0) underWay.set(key, left);
    else underWay.delete(key);
  };
  return {
    send(spans) {
      for (const span of spans) {
        underWay.set(span.holds, (underWay.get(span.holds) ?? 0) + 1);
        tracing.send(span, () => settle(span.holds));
      }
    },
    isSettled: (key) => !underWay.has(key),
  };
}
