import { join, resolve } from 'node:path';
import type { MissionFile } from '../agent/mission-file.js';
import { signed } from '../client/sign.js';
import { requestEvent, submitMission, type SubmittedMission } from '../client/submit.js';
import { raiseText, sizesText } from '../client/too-large.js';
import { createMissionId } from '../domain/mission-id.js';
import { RecordTooLarge, type Log } from '../ports/log.js';
import { wrongUse, type CliError } from './cli-error.js';
import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';
import { topicsFile } from './from-settings.js';
import { requestSize } from '../swarm/request-size.js';

export interface RequestMissionOptions {
  readonly mission: MissionFile;
  /** Its file, as the person named it. */
  readonly file: string;
  /** A relative one is looked up in the working directory; null: below WORKSPACE_ROOT. */
  readonly workspace: string | null;
}

/**
 * Throws CliError when the mission is larger than topics.yaml allows: then nothing is started. What an existing topic
 * takes is known only later, when the mission is submitted.
 */
export async function requireFits(context: CommandContext, mission: MissionFile, file: string): Promise<void> {
  const { host, topics } = context;
  const missionId = createMissionId({ nowMs: host.clock.now(), partition: 0, random: host.random });
  const request = requestEvent(context.client, { mission, missionId, workspace: null, marker: '' });
  // As large as Kafka's ids are.
  const event = signed(context.client, { clusterId: 'x'.repeat(22) }, request);
  const schemasDir = join(host.packageDir, 'schemas');
  const size = await requestSize(event, { topics, schemasDir, topicsFile: topicsFile(context) });
  if (size.bytes > size.limitBytes) throw tooLarge(file, topics.coordination, size);
}

/** Submits a mission. Throws CliError when it is larger than the log takes. */
export async function requestMission(
  context: CommandContext,
  log: Log,
  { mission, file, workspace: givenWorkspace }: RequestMissionOptions,
): Promise<SubmittedMission> {
  const { host, config } = context;
  const submitted = submitMission(context.client, log, {
    mission,
    workspaceRoot: config.values.WORKSPACE_ROOT,
    workspace: givenWorkspace === null ? null : resolve(host.cwd, givenWorkspace),
    onUnknown: (missionId) =>
      host.stderr.write(
        `it is not known whether mission ${missionId} was submitted; ` +
          `${clientCommand(context, `status ${missionId}`)} shows it\n`,
      ),
  });
  return submitted.catch((error: unknown) => {
    throw error instanceof RecordTooLarge ? tooLarge(file, context.topics.coordination, error.size) : error;
  });
}

/** Nothing of the mission is in the log. */
function tooLarge(file: string, topic: string, size: RecordTooLarge['size']): CliError {
  return wrongUse(
    `${file}: the mission has ${sizesText(topic, size)}; it was not submitted`,
    `Split its plan into several missions, or ${raiseText(topic)}`,
  );
}
