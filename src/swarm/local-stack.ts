import { askBroker } from '../kafka/ask-broker.js';
import { createLocalStack, type LocalStack } from '../local/local-stack.js';
import { developmentPlace, type StackWorld } from '../local/stack-place.js';

/** The local stack of a project: a broker and a schema registry on this computer. */
export function localStackOf(projectDir: string, world: Omit<StackWorld, 'askBroker'>): LocalStack {
  return createLocalStack(developmentPlace(projectDir), { ...world, askBroker });
}
