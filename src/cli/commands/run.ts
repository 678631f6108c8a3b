import type { Command } from 'commander';
import { JUNIT_FLAG, onAskFlag, WORKSPACE_FLAG, type Choose } from '../registration.js';

interface RunFlags {
  readonly workspace?: string | null;
  readonly onAsk?: 'wait' | 'reject' | null;
  readonly junit?: string | null;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('run')
    .argument('<mission-file>')
    .description('run one mission; starts a broker and workers if needed')
    .option(...WORKSPACE_FLAG)
    .option(...JUNIT_FLAG)
    .addOption(onAskFlag('wait in a terminal, else reject'))
    .action((file: string, { workspace = null, onAsk = null, junit = null }: RunFlags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/run.js')).runMission(context, { file, workspace, onAsk, junit }),
      ),
    );
}
