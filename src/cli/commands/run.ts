import type { Command } from 'commander';
import { WORKSPACE_FLAG, type Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('run')
    .argument('<mission-file>')
    .description('run one mission; starts a broker and workers if needed')
    .option(...WORKSPACE_FLAG)
    .action((file: string, { workspace = null }: { readonly workspace?: string | null }, command: Command) =>
      choose(command, async (context) => (await import('../actions/run.js')).runMission(context, { file, workspace })),
    );
}
