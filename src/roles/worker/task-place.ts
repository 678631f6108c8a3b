/** Where a task's files are, and what its calls may use. */
import { workspaceOf } from '../../domain/continuation.js';
import { inputVariables } from '../../domain/mission-inputs.js';
import { permissionsOf } from '../../domain/permissions.js';
import type { TaskPlace } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';

interface Task {
  readonly attempt: Pick<ExecutionDeps['attempt'], 'assignment'>;
  readonly spec: ExecutionDeps['spec'];
}

/**
 * A mission's success checks belong to no agent: they see the key that the mission's agents have used, and have no
 * agent's permissions.
 */
export function placeOf({ attempt: { assignment }, spec }: Task): TaskPlace {
  const isVerify = assignment.kind === 'verify';
  return {
    missionId: workspaceOf(assignment),
    ...(assignment.workspace_of === null ? {} : { continuedBy: assignment.mission_id }),
    taskId: assignment.task_id,
    attempt: assignment.attempt,
    workspace: assignment.workspace,
    workspaceMarker: assignment.workspace_marker,
    secretsKey: isVerify ? 'existing' : spec.secretsKey === true ? 'made' : 'none',
    ...(isVerify ? {} : { permissions: permissionsOf(spec) }),
    ...(assignment.mission_inputs.length === 0
      ? {}
      : { inputs: inputVariables(assignment.mission_inputs, secretsOf({ attempt: { assignment }, spec })) }),
  };
}

/** Names of the secrets that the task's commands may have. */
export const secretsOf = ({ attempt: { assignment }, spec }: Task): readonly string[] =>
  assignment.kind === 'verify' ? [] : (spec.secrets ?? []);
