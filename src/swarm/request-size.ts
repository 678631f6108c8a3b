/** How large a mission's request is, before any log is opened. */
import { PREFIX_BYTES } from '../avro/codec.js';
import { createRecordHeaders } from '../avro/record-headers.js';
import { loadSchemas } from '../avro/schemas.js';
import { loadTopicPlan } from '../avro/topic-plan.js';
import type { EventOf } from '../domain/events.js';
import { RECORD_BYTES, RECORD_SIZE } from '../domain/sizes.js';
import type { TopicNames } from '../domain/topic-names.js';
import { recordSize } from '../kafka/record-size.js';

export interface RequestSize {
  readonly bytes: number;
  /** Of topics.yaml; a topic that exists may have another limit. */
  readonly limitBytes: number;
}

/** The size of the record that carries the request with its plan, and what the coordination topic takes. */
export async function requestSize(
  event: EventOf<'mission_requested'>,
  { topics, schemasDir, topicsFile }: { topics: TopicNames; schemasDir: string; topicsFile: string },
): Promise<RequestSize> {
  const [schemas, plan] = await Promise.all([loadSchemas(schemasDir), loadTopicPlan(topicsFile, topics, [])]);
  const schema = schemas.find(({ eventType }) => eventType === event.event_type);
  if (schema === undefined) throw new TypeError(`${schemasDir} has no schema of ${event.event_type}`);
  const value = Buffer.concat([Buffer.alloc(PREFIX_BYTES), schema.type.toBuffer(event)]);
  const limit = plan.find(({ name }) => name === topics.coordination)?.config[RECORD_SIZE];
  return {
    bytes: recordSize(event.payload.mission_id, value, createRecordHeaders().of(event)).batch,
    limitBytes: limit === undefined ? RECORD_BYTES : Number(limit),
  };
}
