import type { ChatModel } from '../ports/model.js';
import type { PassedWhy } from './step.js';

/** A switch from one model of the chain to the next. */
export interface Failover {
  readonly fromModel: string;
  readonly toModel: string;
  readonly cause: PassedWhy['cause'];
  /** The reason, without the model's name in front. */
  readonly reason: string;
}

export function failoverOf(from: ChatModel, toModel: string, { cause, text }: PassedWhy): Failover {
  const prefix = `${from.name}: `;
  return { fromModel: from.name, toModel, cause, reason: text.startsWith(prefix) ? text.slice(prefix.length) : text };
}
