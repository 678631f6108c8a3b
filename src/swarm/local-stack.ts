import { askBroker } from '../kafka/ask-broker.js';
import { createLocalStack, type LocalStack } from '../local/local-stack.js';
import { developmentPlace, type StackWorld } from '../local/stack-place.js';

/** Where a project and the package that it uses lie; absolute, and the same in a clone. */
export interface StackDirs {
  readonly projectDir: string;
  readonly packageDir: string;
}

/** The local stack of a project: a broker and a schema registry on this computer. */
export function localStackOf({ projectDir, packageDir }: StackDirs, world: Omit<StackWorld, 'askBroker'>): LocalStack {
  return createLocalStack(developmentPlace(projectDir, packageDir), { ...world, askBroker });
}
