import { isIP } from 'node:net';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { AclFlags } from '../actions/acl.js';
import type { Choose } from '../registration.js';

const ROLES = `
Roles (each needs a separate principal to have no more rights than it uses):
  orchestrator   processes with --role orchestrator
  worker         processes with --role worker: for all agents, or with --agent for one
  client         people and programs that submit missions, follow them and decide about them
  operator       a client who also handles dead letters and recovers partitions
  observer       reads missions, attempts and dead letters, and writes nothing
  setup          the person or job that runs ravenhelm init
  swarm          processes that are orchestrator, worker and client in one: ravenhelm, ravenhelm run
Without a role: all of them but swarm. The principal of a role is User:ravenhelm-ROLE unless --principal names
another; that of a worker for one agent is User:ravenhelm-worker-AGENT.
`;

const EXAMPLES = {
  print: `
Examples:
  ravenhelm acl print
  ravenhelm acl print --each-agent --format kafka-acls
  ravenhelm acl print worker --agent cert_agent --principal User:cert-worker --format rpk
`,
  apply: `
Examples:
  ravenhelm acl apply --dry-run
  ravenhelm acl apply orchestrator --principal 'User:CN=orchestrator,O=Example' --host 10.0.0.5
  ravenhelm acl apply client operator --principal User:ann --prune
  ravenhelm acl apply --each-agent --prune
`,
};

export function register(program: Command, choose: Choose): void {
  const acl = program.command('acl').description('rights of processes and people on the brokers (access rules, ACLs)');
  holders(acl.command('print'))
    .description('print the rules that give each role the rights that it uses; needs no broker')
    .addOption(
      new Option('--format <format>', 'table for people; commands for kafka-acls.sh or rpk; json or yaml')
        .choices(['table', 'kafka-acls', 'rpk', 'json', 'yaml'])
        .default('table'),
    )
    .addHelpText('after', ROLES + EXAMPLES.print)
    .action((roles: readonly string[], flags: AclFlags & { readonly format: string }, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/acl.js')).printRules(context, roles, flags, flags.format),
      ),
    );
  holders(acl.command('apply'))
    .description('add the rules that are missing on the brokers, and say which others there are')
    .option('--dry-run', 'say what would be added and removed, and change nothing', false)
    .option(
      '--prune',
      "also remove rules of these principals and hosts, about this swarm's own topics and groups, that are not listed",
      false,
    )
    .addHelpText('after', ROLES + EXAMPLES.apply)
    .action(
      (
        roles: readonly string[],
        flags: AclFlags & { readonly dryRun: boolean; readonly prune: boolean },
        command: Command,
      ) => choose(command, async (context) => (await import('../actions/acl.js')).applyRules(context, roles, flags)),
    );
}

/** Whose rights. */
function holders(command: Command): Command {
  return command
    .argument('[roles...]', 'whose rights; default: those of all roles but swarm')
    .option('--agent <name>', 'of a worker that serves this agent only')
    .option('--each-agent', 'of one worker for each agent, in place of one for all', false)
    .option('--principal <principal>', 'who gets the rights of the roles that are named', principalArgument)
    .option('--host <address>', 'IP address from which the principal connects, or * for every one', hostArgument, '*')
    .option('--create-topics', 'with the right to create missing topics at the start, without ravenhelm init', false);
}

/** Type and name. The one that means everybody would give the rights to everybody. */
function principalArgument(text: string): string {
  if (!/^[A-Za-z]+:\S/.test(text) || /\p{Cc}/u.test(text))
    throw new InvalidArgumentError('It must be a type and a name, such as User:orchestrator.');
  if (text.endsWith(':*'))
    throw new InvalidArgumentError(
      'It would give the rights to everybody. Name a principal, such as User:orchestrator.',
    );
  return text;
}

function hostArgument(text: string): string {
  if (text !== '*' && isIP(text) === 0)
    throw new InvalidArgumentError('It must be an IP address or *: brokers compare addresses, and never names.');
  if (isIP(text) !== 6) return text;
  if (text.includes('%')) throw new InvalidArgumentError('It must be an address without a zone (%).');
  return asBrokersWriteIt(text);
}

/**
 * Brokers compare with the text that Java's getHostAddress gives: an IPv6 address as eight groups, none shortened, and
 * an embedded IPv4 address as that.
 */
function asBrokersWriteIt(address: string): string {
  // The URL parser writes the last 32 bits as two groups, and the longest run of zeros as ::.
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = [], after] = short.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - before.length - (after?.length ?? 0) }, () => '0');
  const groups = after === undefined ? before : [...before, ...zeros, ...after];
  if (!groups.join(':').startsWith('0:0:0:0:0:ffff:')) return groups.join(':');
  return groups
    .slice(-2)
    .flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255])
    .join('.');
}
