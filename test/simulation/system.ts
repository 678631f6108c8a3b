/** The code under test. A mutation check loads it from a changed copy, while the oracles keep to the true one. */
import type * as PlannerModule from '../../src/agent/planner.js';
import type * as PlannerContract from '../../src/agent/planner-contract.js';
import type * as RosterModule from '../../src/agent/roster.js';
import type * as RecordModule from '../../src/domain/record.js';
import type * as StateModule from '../../src/kafka/reading/state.js';
import type * as StepModule from '../../src/kafka/reading/step.js';
import type * as PlaybookModule from '../../src/models/playbook.js';
import type * as LogPort from '../../src/ports/log.js';
import type * as ModelPort from '../../src/ports/model.js';
import type * as ToolsPort from '../../src/ports/tools.js';
import type * as OrchestratorModule from '../../src/roles/orchestrator/orchestrator.js';
import type * as WorkerModule from '../../src/roles/worker/worker.js';

/** Errors are matched by class, so they must come from the same copy as the roles. */
export interface System
  extends Pick<typeof WorkerModule, 'createWorker'>,
    Pick<typeof OrchestratorModule, 'createOrchestrator'>,
    Pick<typeof PlaybookModule, 'createPlaybookModel'>,
    Pick<typeof PlannerModule, 'createPlanner'>,
    Pick<typeof PlannerContract, 'PlanningFailed'>,
    Pick<typeof RosterModule, 'createRoster'>,
    Pick<typeof ModelPort, 'ModelError'>,
    Pick<typeof ToolsPort, 'FenceLost' | 'WorkspaceUnusable'>,
    Pick<typeof RecordModule, 'DataLoss'>,
    Pick<typeof LogPort, 'AppendDropped' | 'AppendFailed' | 'AppendRejected' | 'CommitRefused'> {
  /** The machine by which a member of a group reads. */
  readonly reading: Reading;
}

export type Reading = Pick<typeof StepModule, 'step'> &
  Pick<typeof StateModule, 'groupReader' | 'isAssigned' | 'kept' | 'mayCommit' | 'notOpen' | 'readable' | 'setApart'>;

/** @param load imports a module by its path below src, such as roles/worker/worker.js */
export async function loadSystem(load: (path: string) => Promise<unknown>): Promise<System> {
  const [worker, orchestrator, playbook, planner, contract, roster, model, tools, log, record, step, state] =
    await Promise.all([
      load('roles/worker/worker.js') as Promise<typeof WorkerModule>,
      load('roles/orchestrator/orchestrator.js') as Promise<typeof OrchestratorModule>,
      load('models/playbook.js') as Promise<typeof PlaybookModule>,
      load('agent/planner.js') as Promise<typeof PlannerModule>,
      load('agent/planner-contract.js') as Promise<typeof PlannerContract>,
      load('agent/roster.js') as Promise<typeof RosterModule>,
      load('ports/model.js') as Promise<typeof ModelPort>,
      load('ports/tools.js') as Promise<typeof ToolsPort>,
      load('ports/log.js') as Promise<typeof LogPort>,
      load('domain/record.js') as Promise<typeof RecordModule>,
      load('kafka/reading/step.js') as Promise<typeof StepModule>,
      load('kafka/reading/state.js') as Promise<typeof StateModule>,
    ]);
  return {
    createWorker: worker.createWorker,
    createOrchestrator: orchestrator.createOrchestrator,
    createPlaybookModel: playbook.createPlaybookModel,
    createPlanner: planner.createPlanner,
    PlanningFailed: contract.PlanningFailed,
    createRoster: roster.createRoster,
    ModelError: model.ModelError,
    FenceLost: tools.FenceLost,
    WorkspaceUnusable: tools.WorkspaceUnusable,
    AppendDropped: log.AppendDropped,
    AppendFailed: log.AppendFailed,
    AppendRejected: log.AppendRejected,
    CommitRefused: log.CommitRefused,
    DataLoss: record.DataLoss,
    reading: { ...state, ...step },
  };
}
