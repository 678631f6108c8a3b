/** The place of a task's turn in its agent's chain of models. */
import type { Playbook } from '../domain/agent-spec.js';
import type { ChatModel } from '../ports/model.js';

/** Whether the model may be able to do a task with this playbook. */
export const canDo = (model: ChatModel, playbook: Playbook | null): boolean => model.needs?.(playbook) !== null;

/**
 * Where an attempt begins: behind the model that used up an earlier one, so that the same model does not use up this
 * one too. At the chain's start if none is named, the chain does not have it, or no model behind it can do the task.
 */
export function startOfChain(chain: readonly ChatModel[], usedUpBy: string | null, playbook: Playbook | null): number {
  const behind = usedUpBy === null ? 0 : chain.findIndex(({ name }) => name === usedUpBy) + 1;
  return chain.slice(behind).some((model) => canDo(model, playbook)) ? behind : 0;
}

/** The next model of the chain that can do the task; undefined: none. */
export function nextInChain(
  chain: readonly ChatModel[],
  index: number,
  playbook: Playbook | null,
): ChatModel | undefined {
  return chain.find((model, at) => at > index && canDo(model, playbook));
}
