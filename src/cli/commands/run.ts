import type { Command } from 'commander';
import type { InputFlags } from '../input-arguments.js';
import { inputsFlag, JUNIT_FLAG, onAskFlag, setFlag, WORKSPACE_FLAG, type Choose } from '../registration.js';

interface RunFlags extends InputFlags {
  readonly workspace?: string | null;
  readonly onAsk?: 'wait' | 'reject' | null;
  readonly junit?: string | null;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('run')
    .argument('<mission-file>')
    .description('run one mission; starts a broker and workers if needed')
    .addOption(setFlag())
    .addOption(inputsFlag())
    .option(...WORKSPACE_FLAG)
    .option(...JUNIT_FLAG)
    .addOption(onAskFlag('wait in a terminal, else reject'))
    .action((file: string, flags: RunFlags, command: Command) => {
      const { workspace = null, onAsk = null, junit = null } = flags;
      choose(command, async (context) =>
        (await import('../actions/run.js')).runMission(context, { file, given: flags, workspace, onAsk, junit }),
      );
    });
}
