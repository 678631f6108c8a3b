import type { Command } from 'commander';
import type { InputFlags } from '../input-arguments.js';
import { inputsFlag, JUNIT_FLAG, MISSION_WORDS, setFlag, type Choose } from '../registration.js';

interface RetryFlags extends InputFlags {
  readonly wait: boolean;
  readonly edit?: string | null;
  readonly junit?: string | null;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('retry')
    .argument('<mission>', MISSION_WORDS)
    .argument('[task...]', 'verified tasks that run again: their ids, or agents that have one task in the mission')
    .description(
      'continue a mission that has ended: a new mission in its workspace; verified tasks are checked first, ' +
        'all others run',
    )
    .option('--edit <file>', 'the changed mission file; verified tasks that are the same in its plan stay verified')
    .addOption(setFlag())
    .addOption(inputsFlag())
    .option('--wait', 'wait until the new mission has ended', false)
    .option(...JUNIT_FLAG)
    .action((mission: string, tasks: string[], flags: RetryFlags, command: Command) => {
      const { edit = null, wait, junit = null } = flags;
      choose(command, async (context) =>
        (await import('../actions/retry.js')).retryMission(context, {
          mission,
          tasks,
          edit,
          given: flags,
          wait,
          junit,
        }),
      );
    });
}
