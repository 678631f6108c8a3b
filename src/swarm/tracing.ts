import type { Tracing } from '../ports/tracing.js';
import type { SwarmContext } from './context.js';
import type { LangfuseOptions } from '../telemetry/langfuse.js';
import type { TracingOptions } from '../telemetry/tracing-settings.js';

interface Wanted {
  /** null: none by OTLP. */
  readonly tracing: TracingOptions | null;
  /** null: none to LangFuse. */
  readonly langfuse: LangfuseOptions | null;
  say(line: string): void;
}

/** Where spans go; null: nowhere. OpenTelemetry is loaded only where something asks for it. */
export async function openTracing(
  { logger, processName }: SwarmContext,
  { tracing, langfuse, say }: Wanted,
): Promise<Tracing | null> {
  const context = { logger, processName };
  const opened: Tracing[] = [];
  if (tracing !== null) {
    opened.push((await import('../telemetry/tracing.js')).createTracing(tracing, context));
    say(`traces: ${tracing.exporter === 'console' ? 'written to stdout' : 'sent by OTLP'}`);
  }
  if (langfuse !== null) {
    opened.push((await import('../telemetry/langfuse.js')).createLangfuse(langfuse, context));
    say(`traces: sent to LangFuse at ${langfuse.host}`);
  }
  return opened.length === 0 ? null : toAll(opened);
}

function toAll(all: readonly Tracing[]): Tracing {
  return {
    content: all.some(({ content }) => content),
    send(span, settled) {
      let left = all.length;
      const done = (): void => {
        left -= 1;
        if (left === 0) settled();
      };
      for (const each of all) each.send(span, done);
    },
    async close() {
      await Promise.all(all.map((each) => each.close()));
    },
  };
}
