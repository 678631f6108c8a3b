import { join, resolve } from 'node:path';
import type { MissionFile } from '../agent/mission-file.js';
import type { EventOf } from '../domain/events.js';
import { createMissionId } from '../domain/mission-id.js';
import type { MissionReport } from '../domain/report.js';
import type { Log } from '../ports/log.js';
import { createEventFactory } from '../domain/event-factory.js';
import { workspaceMarker } from '../tools/places.js';
import { appendOne } from './append-one.js';
import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';
import { requester } from './host.js';

export interface MissionRequest {
  readonly missionId: string;
  /** Where its files will lie; absolute. */
  readonly workspace: string;
}

/**
 * Appends mission_requested to the coordination partition that the new mission's id names. The workspaces' directory
 * gets a marker if it has none, which the mission carries: workers that see another directory refuse its tasks.
 */
export async function requestMission(
  context: CommandContext,
  log: Log,
  mission: MissionFile,
  givenWorkspace: string | null,
): Promise<MissionRequest> {
  const { host, topics, config } = context;
  const workspace = givenWorkspace === null ? null : resolve(host.cwd, givenWorkspace);
  const marker = await workspaceMarker(workspace ?? config.values.WORKSPACE_ROOT);
  const count = await log.admin.partitionCount(topics.coordination);
  const partition = Math.floor(host.random() * count);
  const missionId = createMissionId({ nowMs: host.clock.now(), partition, random: host.random });
  await appendOne(context, log, {
    appender: 'submit',
    topic: topics.coordination,
    partition,
    key: missionId,
    event: requestEvent(context, mission, missionId, workspace, marker),
    ifUnknown: `whether mission ${missionId} was submitted is not known; ${clientCommand(context, `status ${missionId}`)} tells`,
  });
  return { missionId, workspace: workspace ?? join(config.values.WORKSPACE_ROOT, missionId) };
}

/** mission_requested as its file and the person who submits it say. */
export function requestEvent(
  context: CommandContext,
  mission: MissionFile,
  missionId: string,
  workspace: string | null,
  marker: string,
): EventOf<'mission_requested'> {
  const user = requester(context.host);
  return createEventFactory(context.host)({
    type: 'mission_requested',
    from: user,
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
      agents: [...mission.agents],
      success: [...mission.success],
      plan: mission.plan,
      workspace,
      workspace_marker: marker,
      requested_by: user,
    },
  });
}

/** The report as it is printed: with the workspace's path also where the mission left it to WORKSPACE_ROOT. */
export function withWorkspace(context: CommandContext, report: MissionReport): MissionReport {
  return { ...report, workspace: report.workspace ?? join(context.config.values.WORKSPACE_ROOT, report.mission_id) };
}
