import type { Command } from 'commander';
import type { Choose } from '../registration.js';

interface Flags {
  readonly agent?: string;
  readonly workspace?: string;
  readonly tainted: boolean;
}

const AGENT = ['--agent <name>', 'with the tools, the time limit and the limits of this agent'] as const;
const WORKSPACE = ['--workspace <dir>', 'in this directory, instead of a new one that is removed at the end'] as const;
const TAINTED = ['--tainted', 'as calls of a task that has read untrusted content', false] as const;

const EXAMPLES = `
Examples:
  ravenhelm sandbox exec -- id
  ravenhelm sandbox exec --json -- 'cat /etc/shadow | wc -c'
  ravenhelm sandbox tool --json '{"tool": "workspace_list", "arguments": {}}'
  ravenhelm sandbox tool --json - < calls.jsonl

Exit codes: with --json, 0 when a result was printed. Without it, the command's own exit code (124: the time limit
was reached), and 2 when it was not run, by the policy or the sandbox.
`;

export function register(program: Command, choose: Choose): void {
  const sandbox = program
    .command('sandbox')
    .description('make a tool call as an agent would: the same policy, sandbox, mounts and limits')
    .addHelpText('after', EXAMPLES);
  sandbox
    .command('exec')
    .argument('<command...>', 'a shell command, or a program and its arguments')
    .description('run a command in the sandbox')
    .option(...AGENT)
    .option(...WORKSPACE)
    .option(...TAINTED)
    .addHelpText('after', EXAMPLES)
    .action(
      (words: readonly string[], { agent = null, workspace = null, tainted }: Nullable<Flags>, command: Command) =>
        choose(command, async (context) =>
          (await import('../actions/sandbox.js')).execInSandbox(context, { words, agent, workspace, tainted }),
        ),
    );
  sandbox
    .command('tool')
    .argument('<call>', 'the call as JSON: {"tool": …, "arguments": …}; -: one call on each line of standard input')
    .description('call any tool in the sandbox')
    .option(...AGENT)
    .option(...WORKSPACE)
    .option(...TAINTED)
    .addHelpText('after', EXAMPLES)
    .action((call: string, { agent = null, workspace = null, tainted }: Nullable<Flags>, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/sandbox.js')).callTools(context, { call, agent, workspace, tainted }),
      ),
    );
}

type Nullable<T> = { readonly [Key in keyof T]: undefined extends T[Key] ? T[Key] | null : T[Key] };
