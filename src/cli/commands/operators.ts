import type { Command } from 'commander';
import type { Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('operators')
    .description('people whose requests, approvals and answers count, and the keys with which they sign')
    .command('keygen')
    .argument('<name>', "the operator's name")
    .requiredOption('--out <file>', 'where the private key is written; nothing may be there yet')
    .description('make an Ed25519 key; prints the entry for the operators file')
    .action((name: string, { out }: { readonly out: string }, command: Command) =>
      choose(command, async (context) => (await import('../actions/operators.js')).makeKey(context, name, out)),
    );
}
