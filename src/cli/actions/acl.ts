import { rightsOf, rulesFor, swarmOfRights, type AccessHolder, type SwarmOfRights } from '../../swarm/broker-access.js';
import { ACCESS_ROLES, compareRules, openBrokerAccess, type RuleComparison } from '../../swarm/broker-access.js';
import { accessRuleKey, type AccessRule } from '../../ports/broker-access.js';
import { nearest } from '../../domain/did-you-mean.js';
import { commandsOf, principalLines, ruleDocument, ruleRows, yamlOf, type GrantedRight } from '../acl-text.js';
import { wrongUse } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { topicsFile } from '../from-settings.js';
import { readRoster } from '../mission-source.js';
import { openClientAccess, refuseMemoryLog } from '../open-log.js';
import { table } from '../table.js';

/** Whose rights, as typed. */
export interface AclFlags {
  readonly agent?: string;
  readonly eachAgent: boolean;
  readonly principal?: string;
  readonly host: string;
  readonly createTopics: boolean;
}

/** Prints the rules that the roles need. Connects to nothing. */
export async function printRules(
  context: CommandContext,
  roles: readonly string[],
  flags: AclFlags,
  format: string,
): Promise<ExitCode> {
  refuseMemoryLog(context, NO_RIGHTS);
  const rights = grantedRights(await readSwarm(context, flags), roles, flags);
  const { stdout } = context.host;
  if (context.json || format === 'json') context.print({ rules: rights.map(ruleDocument) });
  else if (format === 'yaml') stdout.write(yamlOf(rights));
  else if (format === 'kafka-acls' || format === 'rpk') stdout.write(commandsOf(format, rights));
  else stdout.write(table(ruleRows(rights)));
  return EXIT.done;
}

/** Adds what is missing, says what else is there, and with --prune removes what the same principals have beyond it. */
export async function applyRules(
  context: CommandContext,
  roles: readonly string[],
  flags: AclFlags & { readonly dryRun: boolean; readonly prune: boolean },
): Promise<ExitCode> {
  refuseMemoryLog(context, NO_RIGHTS);
  const swarm = await readSwarm(context, flags);
  const wanted = grantedRights(swarm, roles, flags).map(({ rule }) => rule);
  const { access, brokers } = await openClientAccess(context, openBrokerAccess);
  try {
    const found = compareRules(wanted, await access.list(), swarm);
    const removed = flags.prune ? found.unwanted : [];
    if (!flags.dryRun) {
      await access.add(found.missing);
      await access.remove(removed);
    }
    if (context.json) context.print(appliedDocument(found, flags));
    else context.host.stdout.write(appliedText(found, flags, brokers));
    return EXIT.done;
  } finally {
    await access.close();
  }
}

const NO_RIGHTS = 'the in-memory log has no rights: only the process that it lives in can reach it';

async function readSwarm(context: CommandContext, { agent }: AclFlags): Promise<SwarmOfRights> {
  const roster = await readRoster(context);
  if (agent !== undefined) roster.subset([agent], '--agent');
  return swarmOfRights(context.swarm, topicsFile(context), roster);
}

/** The rights of the named holders. Throws CliError where roles and flags do not go together. */
function grantedRights(swarm: SwarmOfRights, typed: readonly string[], flags: AclFlags): readonly GrantedRight[] {
  const { agent, eachAgent, principal, host, createTopics: createsTopics } = flags;
  const roles = typed.length === 0 ? ACCESS_ROLES.filter((role) => role !== 'swarm') : typed.map(roleNamed);
  if (principal !== undefined && (typed.length === 0 || eachAgent))
    throw wrongUse(
      '--principal is for the roles that one principal has',
      'Name them: npx ravenhelm acl print orchestrator --principal User:NAME',
    );
  if (agent !== undefined && (typed.length !== 1 || roles[0] !== 'worker' || eachAgent))
    throw wrongUse('--agent is for a worker', `Name that role: npx ravenhelm acl print worker --agent ${agent}`);
  const holders = roles.flatMap((role): readonly AccessHolder[] =>
    role === 'worker' && eachAgent
      ? swarm.agents.map((each) => ({ role, agent: each, createsTopics }))
      : [{ role, agent: agent ?? null, createsTopics }],
  );
  const granted = holders.flatMap((holder) => {
    const rights = rightsOf(holder, swarm);
    const rules = rulesFor(principal ?? defaultPrincipal(holder), host, rights);
    return rules.map((rule, index) => ({ rule, use: rights[index]?.use ?? '' }));
  });
  // Roles of one principal share some of their rights.
  return [...new Map(granted.map((right) => [accessRuleKey(right.rule), right])).values()];
}

const defaultPrincipal = ({ role, agent }: AccessHolder): string =>
  `User:ravenhelm-${role}${agent === null ? '' : `-${agent}`}`;

function roleNamed(text: string): AccessHolder['role'] {
  const found = ACCESS_ROLES.find((role) => role === text);
  if (found !== undefined) return found;
  const meant = nearest(text, ACCESS_ROLES);
  throw wrongUse(
    `there is no role ${text}`,
    meant === null ? `There are: ${ACCESS_ROLES.join(', ')}` : `Did you mean ${meant}?`,
  );
}

interface ApplyFlags {
  readonly dryRun: boolean;
  readonly prune: boolean;
}

function appliedDocument(found: RuleComparison, { dryRun, prune }: ApplyFlags) {
  const { missing, present, unwanted, left, ofOthers } = found;
  return {
    dry_run: dryRun,
    added: missing,
    present,
    removed: prune ? unwanted : [],
    not_asked_for: prune ? [] : unwanted,
    left,
    of_others: ofOthers,
  };
}

function appliedText(
  { missing, present, unwanted, left, ofOthers }: RuleComparison,
  { dryRun, prune }: ApplyFlags,
  brokers: readonly string[],
): string {
  const did = (what: string) => (dryRun ? `would be ${what}` : what);
  const list = (head: string, rules: readonly AccessRule[], lines = ruleLines) =>
    rules.length === 0 ? '' : `${head}\n${lines(rules)}`;
  const unwantedHead = prune
    ? `${unwanted.length} that were not asked for ${did('removed')}:`
    : `${unwanted.length} of the same principals that were not asked for (--prune removes them):`;
  return [
    `access rules at ${brokers.join(', ')}: ${missing.length} ${did('added')}, ${present.length} there already\n`,
    list(`${did('added')}:`, missing),
    list(unwantedHead, unwanted),
    list(`${left.length} of the same principals that may be for something else, never removed:`, left),
    list(`${ofOthers.length} of other principals that reach this swarm:`, ofOthers, principalLines),
  ].join('');
}

const ruleLines = (rules: readonly AccessRule[]): string => {
  const [, ...rows] = ruleRows(rules.map((rule) => ({ rule, use: '' })));
  return table(rows.map((row) => [' ', ...row]));
};
