import type { Command } from 'commander';
import type { Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('init')
    .description('create the topics, register the schemas, report differences')
    .action((_flags: object, command: Command) =>
      choose(command, async (context) => (await import('../actions/init.js')).initCluster(context)),
    );
}
