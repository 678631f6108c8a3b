import { Command, CommanderError, Option } from 'commander';
import { register as registerAcl } from './commands/acl.js';
import { register as registerApprovals } from './commands/approvals.js';
import { register as registerArtifacts } from './commands/artifacts.js';
import { register as registerAgents } from './commands/agents.js';
import { register as registerConfig } from './commands/config.js';
import { register as registerDiff } from './commands/diff.js';
import { register as registerDeadLetters } from './commands/dead-letters.js';
import { register as registerDecide } from './commands/decide.js';
import { register as registerInit } from './commands/init.js';
import { register as registerNew } from './commands/new.js';
import { register as registerOperators } from './commands/operators.js';
import { register as registerPlan } from './commands/plan.js';
import { register as registerPolicy } from './commands/policy.js';
import { register as registerPurge } from './commands/purge.js';
import { register as registerRecover } from './commands/recover.js';
import { register as registerRetry } from './commands/retry.js';
import { register as registerRestore } from './commands/restore.js';
import { register as registerRun } from './commands/run.js';
import { register as registerSandbox } from './commands/sandbox.js';
import { register as registerServe } from './commands/serve.js';
import { register as registerShow } from './commands/show.js';
import { register as registerStack } from './commands/stack.js';
import { register as registerStart } from './commands/start.js';
import { register as registerStatus } from './commands/status.js';
import { register as registerSubmit } from './commands/submit.js';
import { register as registerWatch } from './commands/watch.js';
import { register as registerWorkspace } from './commands/workspace.js';
import { createContext, type GlobalOptions } from './context.js';
import { EXIT, EXIT_MEANINGS } from './exit-codes.js';
import { describeFailure, failureText } from './failure.js';
import { withRedactedOutput, type Host } from './host.js';
import { createRedactor } from '../domain/redaction.js';
import { secretVariables } from './config-secrets.js';
import type { Choose, Register } from './registration.js';
import { SETTINGS, SETTING_NAMES, type SettingName } from './settings.js';

/** In the order of --help. */
const COMMANDS: readonly Register[] = [
  registerStart,
  registerServe,
  registerRun,
  registerSubmit,
  registerRetry,
  registerPlan,
  registerPolicy,
  registerStatus,
  registerWatch,
  registerShow,
  registerArtifacts,
  registerDiff,
  registerRestore,
  registerDecide,
  registerApprovals,
  registerOperators,
  registerDeadLetters,
  registerStack,
  registerAgents,
  registerSandbox,
  registerWorkspace,
  registerConfig,
  registerRecover,
  registerInit,
  registerAcl,
  registerPurge,
  registerNew,
];

const EXIT_CODES = `
Exit codes:
${Object.entries(EXIT_MEANINGS)
  .map(([code, meaning]) => `  ${code.padEnd(5)} ${meaning.replaceAll('`', '')}`)
  .join('\n')}
`;

/** Reads the command line and carries it out. Never rejects: a failure is a text on stderr and the exit code. */
export async function runCommandLine(given: Host): Promise<number> {
  const host = withRedactedOutput(given, createRedactor(secretVariables(given.env)));
  try {
    const chosen: { run(): Promise<number> }[] = [];
    const program = createProgram(host, (command, action, defaults) => {
      chosen.push({ run: async () => action(createContext(given, globalOptions(command), defaults)) });
    });
    await program.parseAsync([...host.argv], { from: 'user' });
    return (await chosen[0]?.run()) ?? EXIT.done;
  } catch (error) {
    // commander has said on stderr what was wrong, or on stdout what was asked.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const failure = describeFailure(error);
    if (failure.exitCode !== EXIT.interrupted || failure.nextStep !== null) host.stderr.write(failureText(failure));
    return failure.exitCode;
  }
}

function createProgram(host: Host, choose: Choose): Command {
  const program = new Command('ravenhelm')
    .description('An event-driven agent swarm: the log is the lock, and completion is proven.')
    .version(host.version)
    .configureOutput({ writeOut: (text) => host.stdout.write(text), writeErr: (text) => host.stderr.write(text) })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(ravenhelm --help lists the commands and options)')
    .option('--json', 'print data as JSON on stdout; text for people goes to stderr', false)
    .option('--config <file>', 'configuration file (default: ravenhelm.yaml in the working directory)');
  for (const option of settingOptions().values()) program.addOption(option);
  // Subcommands take these settings over when they are added.
  program.exitOverride();
  for (const register of COMMANDS) register(program, choose);
  return program.addHelpText('after', EXIT_CODES);
}

/** Options for the settings that have a flag, by the setting's name. */
function settingOptions(): ReadonlyMap<SettingName, Option> {
  const options = SETTING_NAMES.flatMap((name): [SettingName, Option][] => {
    const { flag, doc } = SETTINGS[name];
    return flag === undefined ? [] : [[name, new Option(flag, `${doc} (${name})`)]];
  });
  return new Map(options);
}

function globalOptions(command: Command): GlobalOptions {
  const typed: Record<string, unknown> = command.optsWithGlobals();
  const flags: Partial<Record<SettingName, string>> = {};
  for (const [name, option] of settingOptions()) {
    const value = typed[option.attributeName()];
    if (typeof value === 'string') flags[name] = value;
  }
  const { config } = typed;
  return { json: typed['json'] === true, configFile: typeof config === 'string' ? config : null, flags };
}
