import type { Command } from 'commander';
import type { InputFlags } from '../input-arguments.js';
import { inputsFlag, JUNIT_FLAG, setFlag, WORKSPACE_FLAG, type Choose } from '../registration.js';

interface SubmitFlags extends InputFlags {
  readonly wait: boolean;
  readonly workspace?: string | null;
  readonly junit?: string | null;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('submit')
    .argument('<mission-file>')
    .description('submit a mission to a running swarm')
    .option('--wait', 'wait until the mission has ended', false)
    .addOption(setFlag())
    .addOption(inputsFlag())
    .option(...WORKSPACE_FLAG)
    .option(...JUNIT_FLAG)
    .action((file: string, flags: SubmitFlags, command: Command) => {
      const { wait, workspace = null, junit = null } = flags;
      choose(command, async (context) =>
        (await import('../actions/submit.js')).submitMission(context, { file, given: flags, wait, workspace, junit }),
      );
    });
}
