import type { Command } from 'commander';
import { MISSION_WORDS, type Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('watch')
    .argument('[mission]', MISSION_WORDS)
    .description('print events as they happen, one line each; with a mission: all of its events, until it ends')
    .action((mission: string | undefined, _flags: object, command: Command) =>
      choose(command, async (context) => (await import('../actions/watch.js')).watchMissions(context, mission ?? null)),
    );
}
