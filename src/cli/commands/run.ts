import type { Command } from 'commander';
import { AS_FLAG, KEY_FLAG, onAskFlag, WORKSPACE_FLAG, type Choose } from '../registration.js';

interface RunFlags {
  readonly workspace?: string | null;
  readonly onAsk?: 'wait' | 'reject' | null;
  readonly key?: string | null;
  readonly as?: string | null;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('run')
    .argument('<mission-file>')
    .description('run one mission; starts a broker and workers if needed')
    .option(...WORKSPACE_FLAG)
    .addOption(onAskFlag('wait in a terminal, else reject'))
    .option(...KEY_FLAG)
    .option(...AS_FLAG)
    .action((file: string, { workspace = null, onAsk = null, key = null, as = null }: RunFlags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/run.js')).runMission(context, { file, workspace, onAsk, key: { key, as } }),
      ),
    );
}
