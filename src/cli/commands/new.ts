import type { Command } from 'commander';
import type { Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('new')
    .argument('<dir>', 'a directory that does not exist yet, or is empty')
    .description('create a small project with one agent and one mission')
    .action((dir: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await import('../actions/new.js')).createProject(context, dir)),
    );
}
