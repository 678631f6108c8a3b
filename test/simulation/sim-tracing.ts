/** Where processes send their spans. In some seeds they are sent late, and lost with their process until then. */
import type { Span } from '../../src/domain/spans.js';
import type { Tracing } from '../../src/ports/tracing.js';
import type { Faults } from './faults.js';
import type { Random } from './random.js';
import type { SimProcess } from './sim-process.js';
import type { World } from './world.js';

export interface SimTracing {
  of(process: SimProcess): Tracing;
}

/** OpenTelemetry's batches are sent as often. */
const BATCH_MS = 5_000;

/**
 * @param random for these delays only
 * @param onReceived a span has come out of its process
 */
export function createSimTracing({
  world,
  faults,
  random,
  onReceived,
}: {
  readonly world: World;
  readonly faults: Faults;
  readonly random: Random;
  onReceived(span: Span): void;
}): SimTracing {
  return {
    of: (process) => ({
      content: false,
      send(span, settled) {
        if (!faults.on('export')) {
          onReceived(span);
          return settled();
        }
        process.later(random.delayMs(BATCH_MS), () => {
          world.tell(() => `${process.id} sends the span ${span.name} of ${span.holds}`);
          onReceived(span);
          // The answer comes later: a process that dies before it has sent the span, and does not know it.
          process.later(random.delayMs(20), settled);
        });
      },
      close: async () => undefined,
    }),
  };
}
