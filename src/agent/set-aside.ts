/** What an attempt sets aside for a model that knows what it needs: a playbook. */
import type { AgentSpec, Playbook } from '../domain/agent-spec.js';
import type { ChatModel } from '../ports/model.js';
import { canDo } from './chain-place.js';

/** Kept from the attempt's start, so that its model can still do the task whatever models before it have done. */
export interface SetAside {
  readonly model: ChatModel;
  /** Its place in the chain. */
  readonly index: number;
  readonly steps: number;
  readonly ms: number;
}

/** Of the attempt's time, the most that is set aside. */
const MOST_TIME = 1 / 2;

/**
 * For the first model of the chain that knows its needs and can do the task. It sets no tokens aside, because such a
 * model uses none. null: there is none, or it comes first, or it needs more steps than an attempt has.
 */
export function setAsideFor(
  chain: readonly ChatModel[],
  playbook: Playbook | null,
  { maxSteps, timeoutSeconds }: Pick<AgentSpec, 'maxSteps' | 'timeoutSeconds'>,
): SetAside | null {
  const index = chain.findIndex((model) => model.needs !== undefined && canDo(model, playbook));
  const model = chain[index];
  const needs = model?.needs?.(playbook) ?? null;
  if (model === undefined || needs === null || index === 0 || needs.steps > maxSteps) return null;
  return { model, index, steps: needs.steps, ms: 1000 * Math.min(needs.seconds, timeoutSeconds * MOST_TIME) };
}
