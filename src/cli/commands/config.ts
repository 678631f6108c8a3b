import type { Command } from 'commander';
import type { Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('config')
    .description('the settings')
    .command('show')
    .description('show each value and its source')
    .action((_flags: object, command: Command) =>
      choose(command, async (context) => (await import('../actions/config-show.js')).showConfig(context)),
    );
}
