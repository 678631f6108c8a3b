import type { Command } from 'commander';
import { numberArgument } from '../number-argument.js';
import { MISSION_WORDS, type Choose } from '../registration.js';

interface Flags {
  readonly wave: number;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly workspace?: string;
}

const HELP = `
Shows what changes, asks, and makes the workspace what the snapshot says: files made since are removed. What .gitignore
excludes, and what the snapshot does not have, stays as it is. Refused while a mission is open in the workspace.

Examples:
  ravenhelm restore last --wave 0 --dry-run
  ravenhelm restore last --wave 2
`;

export function register(program: Command, choose: Choose): void {
  program
    .command('restore')
    .argument('<mission>', MISSION_WORDS)
    .description("make a mission's workspace what it was after a wave; 0: before the mission")
    .requiredOption('--wave <n>', 'the wave; 0: before the mission', (text) => numberArgument('restore --wave', text))
    .option('--dry-run', 'only show what would change', false)
    .option('--yes', 'do not ask', false)
    .option('--workspace <dir>', 'the directory that the mission worked in; then no log is read')
    .addHelpText('after', HELP)
    .action((mission: string, { wave, dryRun, yes, workspace }: Flags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/restore.js')).restoreWorkspace(context, {
          mission,
          wave,
          dryRun,
          yes,
          workspace: workspace ?? null,
        }),
      ),
    );
}
