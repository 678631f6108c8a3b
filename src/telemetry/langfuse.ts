/**
 * Sends missions to LangFuse: spans by its OTLP endpoint with the attributes that it knows
 * (https://langfuse.com/integrations/native/opentelemetry#property-mapping), results of checks as scores.
 */
import type { Span, SpanAttributes } from '../domain/spans.js';
import type { Tracing } from '../ports/tracing.js';
import { createScoreSender } from './langfuse-scores.js';
import { spanIdOf } from '../avro/trace-ids.js';
import { createTracing, type TracingContext } from './tracing.js';

export interface LangfuseOptions {
  /** Such as https://cloud.langfuse.com. */
  readonly host: string;
  readonly publicKey: string;
  readonly secretKey: string;
  /** Of Ravenhelm. */
  readonly version: string;
  /** Whether briefs, replies, arguments and outputs are sent, too. */
  readonly content: boolean;
}

export function createLangfuse(options: LangfuseOptions, context: TracingContext): Tracing {
  const { host, publicKey, secretKey, version, content } = options;
  const authorization = `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString('base64')}`;
  const scores = createScoreSender({ url: `${host}/api/public/ingestion`, authorization }, context.logger);
  const tracing = createTracing(
    { exporter: 'otlp', url: `${host}/api/public/otel/v1/traces`, headers: { authorization }, version, content },
    context,
    {
      attributes: langfuseAttributes,
      beside(span, traceId, done) {
        const check = span.attributes['ravenhelm.check'];
        if (typeof check !== 'string') return done();
        const id = spanIdOf(span.seed);
        const comment = `exit code ${String(span.attributes['ravenhelm.exit_code'])}`;
        const value = span.error === null ? 1 : 0;
        scores.add({ id, traceId, observationId: id, name: check, value, comment, atMs: span.endMs }, done);
      },
    },
  );
  return {
    content,
    send: tracing.send,
    async close() {
      await Promise.all([tracing.close(), scores.close()]);
    },
  };
}

const TYPES: Readonly<Record<string, string>> = {
  invoke_workflow: 'chain',
  invoke_agent: 'agent',
  chat: 'generation',
  execute_tool: 'tool',
  check: 'evaluator',
};

/** Also where the conventions of OpenTelemetry would give the same: they change, and these are LangFuse's own. */
function langfuseAttributes({ attributes, events = [], error, missionId }: Span): SpanAttributes {
  const operation = String(attributes['gen_ai.operation.name']);
  const isRoot = operation === 'invoke_workflow';
  const [tokensIn, tokensOut] = [attributes['gen_ai.usage.input_tokens'], attributes['gen_ai.usage.output_tokens']];
  const usage = { input: tokensIn, output: tokensOut };
  const firstToken = events.find(({ name }) => name === 'ravenhelm.first_token');
  return {
    'langfuse.session.id': missionId,
    'langfuse.user.id': isRoot ? attributes['ravenhelm.requested_by'] : null,
    'langfuse.trace.name': isRoot ? attributes['ravenhelm.mission_name'] : null,
    'langfuse.trace.tags': isRoot ? ['ravenhelm'] : null,
    'langfuse.observation.type': TYPES[operation] ?? 'span',
    'langfuse.observation.level': levelOf(error),
    'langfuse.observation.status_message': error,
    // Of attempts and missions it is the sum of their chats, which would count twice.
    ...(operation === 'chat'
      ? {
          'langfuse.observation.usage_details': JSON.stringify(usage),
          'langfuse.observation.cost_details': JSON.stringify({ total: attributes['ravenhelm.cost_usd'] }),
          'langfuse.observation.completion_start_time':
            firstToken === undefined ? null : new Date(firstToken.atMs).toISOString(),
        }
      : { 'langfuse.observation.usage_details': '{}', 'langfuse.observation.cost_details': '{}' }),
  };
}

/** A refused call or a failed check is part of the work; a failed attempt or mission is its end. */
function levelOf(error: string | null): string {
  if (error === null) return 'DEFAULT';
  return error === 'refused' || error === 'check_failed' || error === 'cancelled' ? 'WARNING' : 'ERROR';
}
