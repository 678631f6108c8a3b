import type { ChatModel } from '../ports/model.js';
import type { PassedWhy } from './step.js';

/** The chain moves on from one model to the next. */
export interface Failover {
  readonly fromModel: string;
  /** order: the planner's last resort, which is no model. */
  readonly toModel: string;
  readonly cause: PassedWhy['cause'];
  /** Why, without the model's name in front. */
  readonly reason: string;
}

export function failoverOf(from: ChatModel, toModel: string, { cause, text }: PassedWhy): Failover {
  const prefix = `${from.name}: `;
  return { fromModel: from.name, toModel, cause, reason: text.startsWith(prefix) ? text.slice(prefix.length) : text };
}
