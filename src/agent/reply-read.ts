import type { ChatModel } from '../ports/model.js';
import type { Reading, ReadingFault } from './reading/read-reply.js';

/** What could be read from a model's reply, for the metrics. */
export interface ReplyRead {
  readonly model: string;
  /** Why it could not be used; null: it was. */
  readonly fault: ReadingFault | null;
  readonly repairs: readonly string[];
}

export function replyReadOf({ name }: ChatModel, reading: Reading<unknown>): ReplyRead {
  return reading.ok
    ? { model: name, fault: null, repairs: reading.repairs }
    : { model: name, fault: reading.fault, repairs: [] };
}
