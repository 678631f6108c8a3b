import { InvalidArgumentError, Option, type Command } from 'commander';
import { didYouMean } from '../../domain/did-you-mean.js';
import { wrongUse } from '../cli-error.js';
import { roleList, type RoleName } from '../role-list.js';
import { hasInputs, type InputFlags } from '../input-arguments.js';
import { inputsFlag, onAskFlag, setFlag, WORKSPACE_FLAG, type Choose } from '../registration.js';

interface StartFlags extends InputFlags {
  readonly role?: readonly RoleName[];
  readonly agents?: readonly string[];
  readonly exit: boolean;
  readonly workspace?: string;
  readonly onAsk?: 'wait' | 'reject';
}

export function register(program: Command, choose: Choose): void {
  program
    .command('start', { isDefault: true })
    .description('start what is missing, run missions/ravenhelm-platform.yaml and keep serving (default command)')
    .addOption(
      new Option(
        '--role <roles>',
        'run only these roles, which serve and wait for missions: orchestrator, worker, or both with a comma',
      ).argParser(roleList),
    )
    .option('--agents <names>', 'with --role worker: the agents that this process serves, comma-separated', commaList)
    .option('--exit', 'end when the mission has ended', false)
    .addOption(setFlag())
    .addOption(inputsFlag())
    .option(...WORKSPACE_FLAG)
    .addOption(onAskFlag('wait in a terminal and with --role, else reject'))
    .allowExcessArguments(true)
    .action((flags: StartFlags, command: Command) => {
      const [unexpected] = command.args;
      if (unexpected !== undefined) throw unknownCommand(unexpected, program);
      checkFlags(flags);
      const { role: roles, agents = null, exit, workspace = null, onAsk = null } = flags;
      if (roles === undefined)
        choose(command, async (context) =>
          (await import('../actions/start.js')).startSwarm(context, { exit, given: flags, workspace, onAsk }),
        );
      else
        choose(
          command,
          async (context) => (await import('../actions/serve.js')).serveRoles(context, { roles, agents, onAsk }),
          { LOG_LEVEL: 'info' },
        );
    });
}

function checkFlags({ role, agents, exit, workspace, ...given }: StartFlags): void {
  if (agents !== undefined && role?.includes('worker') !== true)
    throw wrongUse('--agents goes with --role worker only', 'Missions choose their agents with agents: in their file.');
  if (role !== undefined && (exit || workspace !== undefined || hasInputs(given)))
    throw wrongUse(
      `--role ${role.join(',')} runs no mission, so --exit, --workspace, --set and --inputs mean nothing`,
      'Omit them.',
    );
}

function unknownCommand(word: string, program: Command): Error {
  if (/\.ya?ml$/.test(word)) return wrongUse(`${word} is no command`, `To run this mission: ravenhelm run ${word}`);
  const names = program.commands.map((command) => command.name());
  return wrongUse(`${word} is no command`, didYouMean(word, names) ?? `The commands: ${names.join(', ')}`);
}

function commaList(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('Name at least one.');
  return names;
}
