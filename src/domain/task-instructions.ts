/** What an assignment says about how to do the task, as against what it is about and where it belongs. */
import type { PayloadOf } from './events.js';

type Assignment = PayloadOf<'task_assigned'>;
export type Instructions = Pick<
  Assignment,
  | 'description'
  | 'feedback'
  | 'answer'
  | 'dependencies'
  | 'acceptance'
  | 'playbook_acceptance'
  | 'inputs'
  | 'parameters'
  | 'mission_inputs'
>;

const NONE: Instructions = {
  description: '',
  feedback: null,
  answer: null,
  dependencies: [],
  acceptance: [],
  playbook_acceptance: null,
  inputs: [],
  parameters: {},
  mission_inputs: [],
};

export const instructionsOf = ({
  description,
  feedback,
  answer,
  dependencies,
  acceptance,
  playbook_acceptance,
  inputs,
  parameters,
  mission_inputs,
}: Assignment): Instructions => ({
  description,
  feedback,
  answer,
  dependencies,
  acceptance,
  playbook_acceptance,
  inputs,
  parameters,
  mission_inputs,
});

export const withoutInstructions = (assignment: Assignment): Assignment => ({ ...assignment, ...NONE });
