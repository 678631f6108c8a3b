import type { RecoveredPartition, RecoverOptions } from '../../client/recover.js';
import { attemptKey } from '../../domain/partitioning.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { asOperator } from '../operators-setting.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';

/** Continues partitions after data loss, and says what was lost. */
export async function recoverPartitions(given: CommandContext, options: RecoverOptions): Promise<ExitCode> {
  const context = await asOperator(given);
  return withClient(context, async (session) => {
    const recovered = await session.client.recover(options);
    if (context.json) context.print(options.partition === undefined ? recovered : recovered[0]);
    else context.say([...recovered.map(recoveredText), REOPENED].join('\n'));
    if (recovered.some((each) => each.new_attempts.length > 0)) await sayIfNoOrchestrator(context, session);
    return EXIT.done;
  });
}

const REOPENED = 'The processes that serve them open them again; start one if none runs.';

function recoveredText({ topic, partition, offset, new_attempts }: RecoveredPartition): string {
  const attempts =
    new_attempts.length === 0 ? '' : `. A new attempt was asked for: ${new_attempts.map(attemptKey).join(', ')}`;
  return `${topic}/${partition} continues at offset ${offset}; what was open below it is lost${attempts}.`;
}
