import type { Command } from 'commander';
import { ANY_AGENT } from '../../ports/policy.js';
import type { Choose } from '../registration.js';

interface ExplainFlags {
  readonly agent: string;
  readonly tainted: boolean;
}

export function register(program: Command, choose: Choose): void {
  const policy = program.command('policy').description('check the rules about what agents may call');
  policy
    .command('test')
    .argument('[file]', 'a policy file; default: the one that a worker would use')
    .description('read a policy and try its examples')
    .action((file: string | undefined, _flags: object, command: Command) =>
      choose(command, async (context) => (await import('../actions/policy.js')).testPolicy(context, file ?? null)),
    );
  policy
    .command('explain')
    .argument('<command...>', 'a shell command, behind --')
    .option('--agent <name>', 'the agent that would call it', ANY_AGENT)
    .option('--tainted', 'as a call of a task that has read untrusted content', false)
    .description('say what the policy decides about a command, and why')
    .action((words: readonly string[], flags: ExplainFlags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/policy.js')).explainCommand(context, flags, words.join(' ')),
      ),
    );
}
