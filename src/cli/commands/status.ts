import type { Command } from 'commander';
import { MISSION_WORDS, type Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('status')
    .argument('[mission]', MISSION_WORDS)
    .description("list the missions, or show one mission's report")
    .option('--live', 'ask every process what it holds and runs', false)
    .action((mission: string | undefined, { live }: { readonly live: boolean }, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/status.js')).showStatus(context, { missionId: mission ?? null, live }),
      ),
    );
}
