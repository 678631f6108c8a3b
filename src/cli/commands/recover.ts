import type { Command } from 'commander';
import { numberArgument } from '../number-argument.js';
import type { Choose } from '../registration.js';

interface Flags {
  readonly acceptLoss: boolean;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('recover')
    .argument('[topic]', 'without it: every topic')
    .argument('[partition]', 'from 0; without it: every partition', partitionNumber)
    .description('resume partitions after data loss')
    .option('--accept-loss', 'resume without the lost records; otherwise only report what is lost', false)
    .action((topic: string | undefined, partition: number | undefined, flags: Flags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/recover.js')).recoverPartitions(context, {
          ...(topic === undefined ? {} : { topic }),
          ...(partition === undefined ? {} : { partition }),
          ...flags,
        }),
      ),
    );
}

function partitionNumber(text: string): number {
  return numberArgument('recover partition', text);
}
