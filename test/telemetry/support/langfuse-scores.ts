/**
 * What LangFuse accepts as a score. The shapes are compared at compile time with the types that LangFuse publishes
 * (@langfuse/core); what these say only in words is checked as its server does:
 * https://github.com/langfuse/langfuse/blob/main/packages/shared/src/features/scores/interfaces/api/shared.ts
 * https://github.com/langfuse/langfuse/blob/main/packages/shared/src/utils/scores.ts
 * Unknown fields are refused, while LangFuse drops them: a test must hear of a misspelled one.
 */
import type { CreateScoreRequest, IngestionEvent } from '@langfuse/core';
import { z } from 'zod';

const TEXT_MAX_CHARS = 500;

const fieldsOfBoth = {
  id: z.string().optional(),
  traceId: z.string().optional(),
  sessionId: z.string().optional(),
  observationId: z.string().optional(),
  datasetRunId: z.string().optional(),
  name: z.string().min(1),
  value: z.union([z.number(), z.string()]),
  comment: z.string().optional(),
  environment: z
    .string()
    .regex(/^(?!langfuse)[a-z0-9-_]+$/)
    .optional(),
  queueId: z.string().optional(),
  dataType: z.enum(['NUMERIC', 'BOOLEAN', 'CATEGORICAL', 'CORRECTION', 'TEXT']).optional(),
  configId: z.string().optional(),
};
const request = z.strictObject({
  ...fieldsOfBoth,
  metadata: z.record(z.string(), z.unknown()).optional(),
  source: z.enum(['API', 'ANNOTATION']).optional(),
});
const event = z.strictObject({
  id: z.string(),
  timestamp: z.iso.datetime({ offset: true }),
  type: z.literal('score-create'),
  metadata: z.unknown().optional(),
  body: z.strictObject({ ...fieldsOfBoth, metadata: z.unknown().optional() }),
});

/** true for two types that have the same fields and can be assigned to each other; else it has no value. */
type Same<A, B> = [A, keyof A] extends [B, keyof B] ? ([B, keyof B] extends [A, keyof A] ? true : never) : never;
type WireEvent = IngestionEvent.ScoreCreate;
/** Does not compile when LangFuse's published types and the schemas above differ. */
export const SAME_AS_PUBLISHED: readonly [
  Same<z.infer<typeof request>, CreateScoreRequest>,
  Same<z.infer<typeof event>, WireEvent>,
  Same<z.infer<typeof event>['body'], WireEvent['body']>,
] = [true, true, true];

type Score = z.infer<typeof event>['body'];

function checkScore(score: Score, context: z.core.$RefinementCtx): void {
  const refuse = (message: string) => context.addIssue({ code: 'custom', message });
  const { dataType, value } = score;
  const owners = [score.traceId, score.sessionId, score.datasetRunId].filter((id) => id !== undefined && id !== '');
  if (owners.length !== 1) refuse('give exactly one of traceId, sessionId and datasetRunId');
  if (score.observationId !== undefined && !score.traceId) refuse('observationId needs traceId');
  if (dataType === undefined) return;
  const isNumeric = dataType === 'NUMERIC' || dataType === 'BOOLEAN';
  if (isNumeric !== (typeof value === 'number')) refuse(`${dataType} has a value of the other type`);
  if (dataType === 'BOOLEAN' && value !== 0 && value !== 1) refuse('BOOLEAN is 0 or 1');
  if (dataType === 'TEXT' && (value === '' || String(value).length > TEXT_MAX_CHARS))
    refuse(`TEXT has 1 to ${TEXT_MAX_CHARS} characters`);
  if (dataType === 'CORRECTION' && score.configId !== undefined) refuse('CORRECTION has no configId');
}

/** The body of POST /api/public/scores. */
export const scoreRequest = request.superRefine((score, context) => {
  checkScore(score, context);
  if (score.source === 'ANNOTATION' && score.configId === undefined && score.dataType !== 'CORRECTION')
    context.addIssue({ code: 'custom', message: 'source ANNOTATION needs configId' });
});

/** One event of the batch of POST /api/public/ingestion. */
export const scoreEvent = event.superRefine(({ body }, context) => checkScore(body, context));
