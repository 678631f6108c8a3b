import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { withClient } from '../client-session.js';
import { topicsFile } from '../from-settings.js';
import { readRoster } from '../mission-source.js';
import { prepareCluster } from '../../swarm/prepare-cluster.js';

/** Creates what topics.yaml lists, registers the schemas, and reports what differs; alters nothing that exists. */
export async function initCluster(context: CommandContext): Promise<ExitCode> {
  const roster = await readRoster(context);
  return withClient(context, async ({ log }) => {
    const { topics, differences, warnings } = await prepareCluster(context, {
      log,
      topicsFile: topicsFile(context),
      roster,
    });
    for (const line of warnings) context.host.stderr.write(`${line}\n`);
    if (context.json) context.print({ topics, differences });
    else
      context.say(
        `${topics.length} topics and every event's schema are there` +
          (differences.length === 0 ? '' : `; ${differences.length} settings differ from topics.yaml`),
      );
    return EXIT.done;
  });
}
