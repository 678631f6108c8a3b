import { createPlanner } from '../../src/agent/planner.js';
import { PlanningFailed } from '../../src/agent/planner-contract.js';
import { createRoster } from '../../src/agent/roster.js';
import { DataLoss } from '../../src/domain/record.js';
import * as state from '../../src/kafka/reading/state.js';
import { step } from '../../src/kafka/reading/step.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import { AppendDropped, AppendFailed, AppendRejected, CommitRefused } from '../../src/ports/log.js';
import { ModelError } from '../../src/ports/model.js';
import { FenceLost, WorkspaceUnusable } from '../../src/ports/tools.js';
import { createOrchestrator } from '../../src/roles/orchestrator/orchestrator.js';
import { createWorker } from '../../src/roles/worker/worker.js';
import type { System } from './system.js';

/** The true sources, as the tests import them. */
export const baseSystem: System = {
  createWorker,
  createOrchestrator,
  createPlaybookModel,
  createPlanner,
  PlanningFailed,
  createRoster,
  ModelError,
  FenceLost,
  WorkspaceUnusable,
  AppendDropped,
  AppendFailed,
  AppendRejected,
  CommitRefused,
  DataLoss,
  reading: { ...state, step },
};
