import type { Command } from 'commander';
import { JUNIT_FLAG, WORKSPACE_FLAG, type Choose } from '../registration.js';

interface SubmitFlags {
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
    .option(...WORKSPACE_FLAG)
    .option(...JUNIT_FLAG)
    .action((file: string, { wait, workspace = null, junit = null }: SubmitFlags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/submit.js')).submitMission(context, { file, wait, workspace, junit }),
      ),
    );
}
