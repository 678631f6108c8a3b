import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { wrongUse } from './cli-error.js';
import { createContext, type CommandContext, type GlobalOptions } from './context.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { describeFailure, failureText } from './failure.js';
import type { Host } from './host.js';
import { didYouMean } from '../domain/did-you-mean.js';
import { SETTINGS, SETTING_NAMES, type SettingName } from './settings.js';

/** The commands' code, loaded when one was typed: help should not wait for a Kafka client. */
const load = {
  agents: () => import('./commands/agents.js'),
  config: () => import('./commands/config-show.js'),
  deadLetters: () => import('./commands/dead-letters.js'),
  decide: () => import('./commands/decide.js'),
  init: () => import('./commands/init.js'),
  plan: () => import('./commands/plan.js'),
  recover: () => import('./commands/recover.js'),
  redrive: () => import('./commands/redrive.js'),
  run: () => import('./commands/run.js'),
  stack: () => import('./commands/stack.js'),
  start: () => import('./commands/start.js'),
  status: () => import('./commands/status.js'),
  submit: () => import('./commands/submit.js'),
  watch: () => import('./commands/watch.js'),
};

/** What a command does once it was read. */
type Action = (context: CommandContext) => Promise<ExitCode>;
/** Collects the one action that was typed; defaults are settings' values that the command has of its own. */
type Choose = (command: Command, action: Action, defaults?: Readonly<Partial<Record<SettingName, string>>>) => void;

/** Reads the command line and carries it out. Never rejects: failures are told on stderr and in the exit code. */
export async function runCommandLine(host: Host): Promise<ExitCode> {
  try {
    const chosen: { run(): Promise<ExitCode> }[] = [];
    const program = createProgram(host, (command, action, defaults) => {
      chosen.push({ run: async () => action(createContext(host, globalOptions(command), defaults)) });
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

  addStart(program, choose);
  addMissionCommands(program, choose);
  addDecisions(program, choose);
  addDeadLetters(program, choose);
  addUpkeep(program, choose);
  program.addHelpText(
    'after',
    `
Exit codes: 0 done, 1 the mission failed, 2 wrong use or configuration, 3 no broker or registry,
4 a role failed for good (a supervisor should start it again, or look), 70 a fault of this program, 130 interrupted.
`,
  );
  return program;
}

function addStart(program: Command, choose: Choose): void {
  program
    .command('start', { isDefault: true })
    .description(
      'start everything that is missing, run missions/ravenhelm-platform.yaml and serve (this is what no command does)',
    )
    .addOption(
      new Option('--role <role>', 'only this role, which serves and waits for missions').choices([
        'orchestrator',
        'worker',
      ]),
    )
    .option(
      '--agents <names>',
      'with --role worker: the agents that this process serves, separated by commas',
      commaList,
    )
    .option('--exit', 'end when the mission has ended', false)
    .option('--workspace <dir>', "the mission's workspace, instead of one below WORKSPACE_ROOT")
    .allowExcessArguments(true)
    .action(
      (
        options: { role?: 'orchestrator' | 'worker'; agents?: string[]; exit: boolean; workspace?: string },
        command: Command,
      ) => {
        const [unexpected] = command.args;
        if (unexpected !== undefined) throw unknownCommand(unexpected, program);
        const role = options.role ?? null;
        if (options.agents !== undefined && role !== 'worker')
          throw wrongUse(
            '--agents goes with --role worker only',
            'Missions choose their agents with agents: in their file.',
          );
        if (role !== null && (options.exit || options.workspace !== undefined))
          throw wrongUse(
            `--role ${role} runs no mission of its own, so --exit and --workspace mean nothing`,
            'Leave them out.',
          );
        choose(
          command,
          async (context) =>
            (await load.start()).startSwarm(context, {
              role,
              agents: options.agents ?? null,
              exit: options.exit,
              workspace: options.workspace ?? null,
            }),
          role === null ? {} : { LOG_LEVEL: 'info' },
        );
      },
    );
}

function addMissionCommands(program: Command, choose: Choose): void {
  program
    .command('run')
    .argument('<mission-file>')
    .description('run a mission from start to end, with whatever is missing for it')
    .option('--workspace <dir>', "the mission's workspace, instead of one below WORKSPACE_ROOT")
    .action((file: string, options: { workspace?: string }, command: Command) =>
      choose(command, async (context) =>
        (await load.run()).runMission(context, { file, workspace: options.workspace ?? null }),
      ),
    );
  program
    .command('submit')
    .argument('<mission-file>')
    .description('hand a mission to a running swarm')
    .option('--wait', 'wait until it has ended', false)
    .option('--workspace <dir>', "the mission's workspace, instead of one below WORKSPACE_ROOT")
    .action((file: string, options: { wait: boolean; workspace?: string }, command: Command) =>
      choose(command, async (context) =>
        (await load.submit()).submitMission(context, {
          file,
          wait: options.wait,
          workspace: options.workspace ?? null,
        }),
      ),
    );
  program
    .command('plan')
    .argument('<mission-file>')
    .description('show the plan and its waves; runs nothing and needs no broker')
    .action((file: string, _options: object, command: Command) =>
      choose(command, async (context) => (await load.plan()).planMission(context, file)),
    );
  program
    .command('status')
    .argument('[mission]')
    .description("the missions, or one mission's report")
    .option('--live', 'ask every process what it holds and runs', false)
    .action((mission: string | undefined, options: { live: boolean }, command: Command) =>
      choose(command, async (context) =>
        (await load.status()).showStatus(context, { missionId: mission ?? null, live: options.live }),
      ),
    );
  program
    .command('watch')
    .argument('[mission]')
    .description('events as they happen, one line each; with a mission: its whole story, until it ends')
    .action((mission: string | undefined, _options: object, command: Command) =>
      choose(command, async (context) => (await load.watch()).watchMissions(context, mission ?? null)),
    );
}

function addDecisions(program: Command, choose: Choose): void {
  program
    .command('approve')
    .argument('<mission>')
    .description('let the proposed plan of a mission run')
    .action((mission: string, _options: object, command: Command) =>
      choose(command, async (context) => (await load.decide()).approveMission(context, mission)),
    );
  program
    .command('reject')
    .argument('<mission>')
    .description('refuse the proposed plan of a mission')
    .requiredOption('--why <reason>', 'told to the planner')
    .action((mission: string, options: { why: string }, command: Command) =>
      choose(command, async (context) => (await load.decide()).rejectMission(context, mission, options.why)),
    );
  program
    .command('answer')
    .argument('<mission>')
    .argument('<text>')
    .description('answer a mission that needs attention; it goes on with what you say')
    .action((mission: string, text: string, _options: object, command: Command) =>
      choose(command, async (context) => (await load.decide()).answerMission(context, mission, text)),
    );
  program
    .command('cancel')
    .argument('<mission>')
    .description('stop a mission')
    .option('--why <reason>', 'stands in the events', 'cancelled by hand')
    .action((mission: string, options: { why: string }, command: Command) =>
      choose(command, async (context) => (await load.decide()).cancelMission(context, mission, options.why)),
    );
}

function addDeadLetters(program: Command, choose: Choose): void {
  const letters = program
    .command('dead-letters')
    .description('records that no fold could take: poison, and what was misplaced');
  letters
    .command('list')
    .description('what waits to be handled, newest last')
    .option('--all', 'also what was redriven or discarded', false)
    .action((options: { all: boolean }, command: Command) =>
      choose(command, async (context) => (await load.deadLetters()).listLetters(context, options.all)),
    );
  letters
    .command('show')
    .argument('<id>')
    .description('everything that is known of one: origin, error, headers, event or bytes')
    .action((id: string, _options: object, command: Command) =>
      choose(command, async (context) => (await load.deadLetters()).showLetter(context, id)),
    );
  letters
    .command('redrive')
    .argument('[ids...]')
    .description('write them back where they belong; for an assignment: ask for a new attempt')
    .option('--all', 'every one that waits', false)
    .option('--yes', 'with --all: do not ask', false)
    .option('--as-is', 'back to where they came from, also what nobody can decode', false)
    .option('--take-over', 'also one that another process has begun to redrive and did not finish', false)
    .action(
      (ids: string[], options: { all: boolean; yes: boolean; asIs: boolean; takeOver: boolean }, command: Command) => {
        if (options.all === ids.length > 0)
          throw wrongUse('dead-letters redrive takes ids, or --all', 'ravenhelm dead-letters list shows the ids.');
        if (options.yes && !options.all) throw wrongUse('--yes goes with --all only', 'Leave it out.');
        choose(command, async (context) => (await load.redrive()).redriveLetters(context, { ids, ...options }));
      },
    );
  letters
    .command('discard')
    .argument('<ids...>')
    .description('mark them as handled; nothing is written back')
    .option('--why <reason>', 'stands in the event', 'discarded by hand')
    .option('--take-over', 'also one that another process has begun to redrive and did not finish', false)
    .action((ids: string[], options: { why: string; takeOver: boolean }, command: Command) =>
      choose(command, async (context) =>
        (await load.deadLetters()).discardLetters(context, { ids, reason: options.why, takeOver: options.takeOver }),
      ),
    );
}

function addUpkeep(program: Command, choose: Choose): void {
  const stack = program.command('stack').description('the local broker and schema registry');
  stack
    .command('up')
    .description('start it, or find it running')
    .action((_options: object, command: Command) =>
      choose(command, async (context) => (await load.stack()).stackUp(context)),
    );
  stack
    .command('down')
    .description('stop it; its data stays')
    .action((_options: object, command: Command) =>
      choose(command, async (context) => (await load.stack()).stackDown(context)),
    );
  stack
    .command('status')
    .description('exit 0 when it is up, 3 when not')
    .action((_options: object, command: Command) =>
      choose(command, async (context) => (await load.stack()).stackStatus(context)),
    );
  const agents = program.command('agents').description('the specialists');
  agents
    .command('list')
    .description('each agent with its phase, dependencies, tools and playbooks')
    .action((_options: object, command: Command) =>
      choose(command, async (context) => (await load.agents()).listAgents(context)),
    );
  const config = program.command('config').description('the settings');
  config
    .command('show')
    .description('each value and where it came from')
    .action((_options: object, command: Command) =>
      choose(command, async (context) => (await load.config()).showConfig(context)),
    );
  program
    .command('recover')
    .argument('<topic>')
    .argument('<partition>', 'from 0', partitionNumber)
    .description('go on with a partition whose records were deleted before they were done')
    .option('--accept-loss', 'what was in them is lost; without it the command only says what that is', false)
    .action((topic: string, partition: number, options: { acceptLoss: boolean }, command: Command) =>
      choose(command, async (context) =>
        (await load.recover()).recoverPartition(context, { topic, partition, acceptLoss: options.acceptLoss }),
      ),
    );
  program
    .command('init')
    .description('create the topics, register the schemas, report differences')
    .action((_options: object, command: Command) =>
      choose(command, async (context) => (await load.init()).initCluster(context)),
    );
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

function unknownCommand(word: string, program: Command): Error {
  if (/\.ya?ml$/.test(word)) return wrongUse(`${word} is no command`, `To run this mission: ravenhelm run ${word}`);
  const names = program.commands.map((command) => command.name());
  return wrongUse(`${word} is no command`, didYouMean(word, names) ?? `The commands: ${names.join(', ')}`);
}

function partitionNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.');
  return Number(text);
}

function commaList(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('Name at least one.');
  return names;
}
