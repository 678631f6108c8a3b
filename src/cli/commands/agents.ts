import type { Command } from 'commander';
import type { Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('agents')
    .description('the agents')
    .command('list')
    .description('list each agent with its phase, dependencies, tools and playbooks')
    .action((_flags: object, command: Command) =>
      choose(command, async (context) => (await import('../actions/agents.js')).listAgents(context)),
    );
}
