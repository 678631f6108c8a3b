import { join } from 'node:path';
import type { MissionFile } from '../agent/mission-file.js';
import { workspaceOf, type Continuation } from '../domain/continuation.js';
import { createEventFactory } from '../domain/event-factory.js';
import type { EventOf } from '../domain/events.js';
import { createMissionId } from '../domain/mission-id.js';
import { INPUTS, SNAPSHOTS, WORKSPACE_OF } from '../domain/requirements.js';
import type { MissionReport } from '../domain/report.js';
import type { TraceContext } from '../domain/trace-context.js';
import type { Log } from '../ports/log.js';
import { workspaceMarker } from '../tools/places.js';
import { appendOne } from './append-one.js';
import type { ClientContext } from './context.js';

export interface SubmitMissionOptions {
  readonly mission: MissionFile;
  /** Where the missions' workspaces lie; absolute. */
  readonly workspaceRoot: string;
  /** The mission's own directory instead; absolute. */
  readonly workspace: string | null;
  /** Called before the rejection where the mission may be submitted all the same. */
  onUnknown?(missionId: string): void;
}

export interface SubmittedMission {
  readonly missionId: string;
  /** Where its files will lie; absolute. */
  readonly workspace: string;
}

/**
 * Appends mission_requested to the coordination partition that the new mission's id names. The workspaces' directory
 * gets a marker if it has none, which the mission carries: workers that see another directory refuse its tasks.
 */
export async function submitMission(
  context: ClientContext,
  log: Log,
  { mission, workspaceRoot, workspace, onUnknown }: SubmitMissionOptions,
): Promise<SubmittedMission> {
  const { topics, clock, random } = context;
  const marker = await workspaceMarker(workspace ?? workspaceRoot);
  const count = await log.admin.partitionCount(topics.coordination);
  const partition = Math.floor(random() * count);
  const missionId = createMissionId({ nowMs: clock.now(), partition, random });
  await appendOne(context, log, {
    appender: 'submit',
    topic: topics.coordination,
    partition,
    key: missionId,
    event: requestEvent(context, { mission, missionId, workspace, marker }),
    ...callerOf(context),
    onUnknown: () => onUnknown?.(missionId),
  });
  return { missionId, workspace: workspace ?? join(workspaceRoot, missionId) };
}

/** For the request's record. */
export const callerOf = ({ caller }: ClientContext): { readonly caller?: TraceContext } =>
  caller === undefined ? {} : { caller };

export interface RequestFacts {
  readonly mission: MissionFile;
  readonly missionId: string;
  /** Absolute; null: below the workers' root. */
  readonly workspace: string | null;
  readonly marker: string;
  /** Of a mission that continues another one; absent: it does not. */
  readonly continued?: { readonly workspaceOf: string; readonly continues: Continuation };
}

/** mission_requested as its file and the person who submits it say. */
export function requestEvent(
  context: ClientContext,
  { mission, missionId, workspace, marker, continued }: RequestFacts,
): EventOf<'mission_requested'> {
  const { inputs = [] } = mission;
  return createEventFactory(context)({
    type: 'mission_requested',
    from: context.requester,
    to: 'orchestrator',
    missionId,
    payload: {
      mission_id: missionId,
      name: mission.name,
      brief: mission.brief,
      approval: mission.approval,
      retries: mission.retries,
      on_failure: mission.onFailure,
      budget: mission.budget,
      limits: { ...mission.limits },
      agents: [...mission.agents],
      success: [...mission.success],
      plan: mission.plan,
      workspace,
      workspace_marker: marker,
      requested_by: context.requester,
      requires: [
        ...(continued === undefined ? [] : [WORKSPACE_OF]),
        ...((mission.snapshots ?? workspace !== null) ? [SNAPSHOTS] : []),
        ...(inputs.length === 0 ? [] : [INPUTS]),
      ],
      workspace_of: continued?.workspaceOf ?? null,
      continues: continued?.continues ?? null,
      planner: mission.planner,
      signed: null,
      brief_trusted: mission.trust?.brief ?? true,
      workspace_trusted: mission.trust?.workspace ?? false,
      inputs: [...inputs],
    },
  });
}

/** The report with the workspace's path also where the mission left it to the workspaces' root. */
export function withWorkspace(workspaceRoot: string, report: MissionReport): MissionReport {
  return { ...report, workspace: report.workspace ?? join(workspaceRoot, workspaceOf(report)) };
}
