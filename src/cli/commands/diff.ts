import type { Command } from 'commander';
import { numberArgument } from '../number-argument.js';
import { MISSION_WORDS, type Choose } from '../registration.js';

interface Flags {
  readonly wave?: number;
  readonly patch: boolean;
  readonly workspace?: string;
}

const HELP = `
Needs snapshots (--workspace, or snapshots: true in the mission file) and the volume of the workspaces. What .gitignore
excludes is not in them. Where the last one does not have all that the mission has done, as of a cancelled mission, the
changes are those up to now. After run --log memory, name the directory: --workspace DIR.

Examples:
  ravenhelm diff last
  ravenhelm diff last --wave 2 --patch
  ravenhelm diff last --patch > changes.patch
  ravenhelm diff last --workspace .
`;

export function register(program: Command, choose: Choose): void {
  program
    .command('diff')
    .argument('<mission>', MISSION_WORDS)
    .description('what a mission has changed in its workspace')
    .option('--wave <n>', 'only what this wave has changed', (text) => numberArgument('diff --wave', text))
    .option('--patch', 'as a patch, in the form of git', false)
    .option('--workspace <dir>', 'the directory that the mission worked in; then no log is read')
    .addHelpText('after', HELP)
    .action((mission: string, { wave, patch, workspace }: Flags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/diff.js')).diffWorkspace(context, {
          mission,
          wave: wave ?? null,
          patch,
          workspace: workspace ?? null,
        }),
      ),
    );
}
