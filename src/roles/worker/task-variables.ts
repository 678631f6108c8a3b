/** Whether a task's commands can have the mission's inputs. */
import { playbookCommands } from '../../domain/agent-spec.js';
import type { LoopEnd } from '../../agent/loop-contract.js';
import { inputsFault, inputsNotGiven, variableOf } from '../../domain/mission-inputs.js';
import type { ExecutionDeps } from './execution-deps.js';
import { secretsOf } from './task-place.js';
import { acceptanceOf } from './task-result.js';

/** Why the task cannot be done with its mission's inputs; null: it can. What only a model may name is not known yet. */
export function refuseInputs(deps: Pick<ExecutionDeps, 'attempt' | 'spec'>): LoopEnd | null {
  const { mission_inputs: inputs } = deps.attempt.assignment;
  if (inputs.length === 0) return null;
  const fault = inputsFault(inputs) ?? notGiven(deps);
  return fault === null
    ? null
    : { kind: 'failed', code: 'inputs', error: fault, retriable: false, checks: [], usedUpBy: null };
}

function notGiven(deps: Pick<ExecutionDeps, 'attempt' | 'spec'>): string | null {
  const { assignment } = deps.attempt;
  const [missing] = inputsNotGiven(commandsOf(deps), assignment.mission_inputs, secretsOf(deps));
  if (missing === undefined) return null;
  const who = assignment.kind === 'verify' ? 'success checks have no secrets' : `${deps.spec.name} may not have it`;
  return (
    `a command reads $${variableOf(missing)}, the file of the secret ${missing.value}, and ${who}; ` +
    `name it in the secrets of agents/${deps.spec.name}.md, or give the task to another agent`
  );
}

/** The commands that are known before the task begins: of its checks and its playbook. */
function commandsOf({ attempt: { assignment }, spec }: Pick<ExecutionDeps, 'attempt' | 'spec'>): readonly string[] {
  const checks = acceptanceOf(assignment, spec).map(({ command }) => command);
  return [...checks, ...playbookCommands(spec, assignment.playbook)];
}
