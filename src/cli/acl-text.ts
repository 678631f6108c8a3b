/** Access rules for people, for the brokers' own tools, and as data. */
import { stringify } from 'yaml';
import type { AccessResource, AccessRule } from '../ports/broker-access.js';
import { table } from './table.js';

/** A rule, and what its right is used for. */
export interface GrantedRight {
  readonly rule: AccessRule;
  readonly use: string;
}

/** With a heading. DENY comes before the operation; ALLOW is left out. */
export function ruleRows(rights: readonly GrantedRight[]): readonly (readonly string[])[] {
  return [
    ['PRINCIPAL', 'HOST', 'RIGHT', 'ON', 'USE'],
    ...rights.map(({ rule: { principal, host, permission, operation, resource }, use }) => [
      principal,
      host,
      permission === 'DENY' ? `DENY ${operation}` : operation,
      resourceText(resource),
      use,
    ]),
  ];
}

/** Where there are many rules: each principal with its operations and how many resources they are on. */
export function principalLines(rules: readonly AccessRule[]): string {
  const rows = [...groupBy(rules, ({ principal, permission }) => `${permission} ${principal}`).values()].map((own) => {
    const [{ principal, permission } = { principal: '', permission: 'ALLOW' }] = own;
    const operations = [...new Set(own.map(({ operation }) => operation))].join(', ');
    const [first = '', ...others] = new Set(own.map(({ resource }) => resourceText(resource)));
    const where = others.length === 0 ? first : `${first} and ${others.length} more`;
    return [' ', principal, `${permission === 'DENY' ? 'DENY ' : ''}${operations}`, where];
  });
  return table(rows);
}

export function ruleDocument({ rule, use }: GrantedRight) {
  return { ...rule, use };
}

/** One entry for each principal and resource. */
export function yamlOf(rights: readonly GrantedRight[]): string {
  const entries = grouped(rights).map(([{ principal, host, permission, resource }, operations]) => ({
    principal,
    host,
    permission,
    resource,
    operations,
  }));
  return stringify({ rules: entries });
}

/** Shell commands, one for each principal and resource; both tools take several operations at once. */
export function commandsOf(tool: 'kafka-acls' | 'rpk', rights: readonly GrantedRight[]): string {
  const command = tool === 'rpk' ? rpkCommand : kafkaCommand;
  return grouped(rights)
    .map(([rule, operations]) => `${command(rule, operations)}\n`)
    .join('');
}

/** The administrator's connection is in admin.properties, and the brokers' address in the variable BROKERS. */
function kafkaCommand({ principal, host, resource }: AccessRule, operations: readonly string[]): string {
  return [
    'kafka-acls.sh --bootstrap-server "$BROKERS" --command-config admin.properties --add',
    `--allow-principal ${quoted(principal)} --allow-host ${quoted(host)}`,
    ...operations.map((operation) => `--operation ${camelCase(operation)}`),
    `--${resource.type} ${quoted(resource.name)} --resource-pattern-type ${resource.pattern}`,
  ].join(' ');
}

/** rpk splits a principal at its commas unless it is in double quotes. */
function rpkCommand({ principal, host, resource }: AccessRule, operations: readonly string[]): string {
  const whole = principal.includes(',') ? `"${principal.replaceAll('"', '""')}"` : principal;
  return [
    'rpk security acl create',
    `--allow-principal ${quoted(whole)} --allow-host ${quoted(host)}`,
    `--operation ${operations.map((operation) => operation.toLowerCase()).join(',')}`,
    `--${resource.type} ${quoted(resource.name)} --resource-pattern-type ${resource.pattern}`,
  ].join(' ');
}

function grouped(rights: readonly GrantedRight[]): readonly (readonly [AccessRule, readonly string[]])[] {
  const rules = rights.map(({ rule }) => rule);
  const keyOf = ({ principal, host, resource }: AccessRule) => JSON.stringify([principal, host, resource]);
  return [...groupBy(rules, keyOf).values()].flatMap((own) => {
    const [first] = own;
    return first === undefined ? [] : [[first, own.map(({ operation }) => operation)] as const];
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function resourceText({ type, name, pattern }: AccessResource): string {
  if (type === 'cluster') return 'the cluster';
  return pattern === 'prefixed' ? `${type}s that begin with ${name}` : `${type} ${name}`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** DESCRIBE_CONFIGS is DescribeConfigs for kafka-acls.sh. */
const camelCase = (operation: string): string =>
  operation
    .toLowerCase()
    .split('_')
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('');
