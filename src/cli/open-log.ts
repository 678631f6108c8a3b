import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LocalStack } from '../local/local-stack.js';
import { conflictError, type PortConflict } from '../local/port-conflict.js';
import { developmentPlace } from '../local/stack-place.js';
import { localStackOf } from '../swarm/local-stack.js';
import {
  openAvailableLog,
  openKafka,
  openMemory,
  type Cluster,
  type KafkaAccess,
  type OpenLog,
} from '../swarm/open-log.js';
import { CliError, wrongUse } from './cli-error.js';
import type { CommandContext } from './context.js';
import { EXIT } from './exit-codes.js';
import { readPemFiles } from './pem-file.js';
import { howToUnset } from './setting-place.js';

/** The local stack of this project. */
export function projectStack({ host }: CommandContext): LocalStack {
  const { env, clock, ids } = host;
  return localStackOf(host, { env, clock, ids });
}

/** Whether a local stack belongs to the project: a clone has one; another project has one when it was started there. */
function hasLocalStack({ host }: CommandContext): boolean {
  return isClone(host) || existsSync(developmentPlace(host.projectDir).dataDir);
}

function isClone({ packageDir, projectDir }: CommandContext['host']): boolean {
  return resolve(packageDir) === resolve(projectDir);
}

/** Where to get a broker; only a clone has the setup. */
export function howToGetBroker({ host }: CommandContext): string {
  return isClone(host) ? 'npm run setup' : 'npx ravenhelm stack up, or KAFKA_BROKERS and SCHEMA_REGISTRY_URL';
}

/** The log that the settings name for a process with roles. Rejects with exit code 2 where they forbid every log. */
export async function openSwarmLog(
  context: CommandContext,
  { allowMemory }: { readonly allowMemory: boolean },
): Promise<OpenLog> {
  const wanted = context.config.values.RAVENHELM_LOG;
  if (wanted === 'memory') {
    if (allowMemory) return openMemory(context.swarm, ' (--log memory)');
    throw wrongUse(
      'the in-memory log cannot be shared between processes',
      `${howToUnset(context.config, 'RAVENHELM_LOG')}, or start everything in one process: npx ravenhelm`,
    );
  }
  const cluster = givenCluster(context);
  if (wanted === 'auto' && allowMemory && cluster === null && !hasLocalStack(context))
    return openMemory(context.swarm, '. For a broker: set KAFKA_BROKERS and SCHEMA_REGISTRY_URL');
  return openAvailableLog(context.swarm, {
    wanted,
    allowMemory,
    access: await kafkaAccess(context),
    cluster,
    stack: projectStack(context),
    say: context.say,
  });
}

/** The log of a running swarm. Starts nothing; rejects with exit code 3 when there is no broker. */
export async function openClientLog(context: CommandContext): Promise<OpenLog> {
  refuseMemoryLog(
    context,
    'the in-memory log lives in the process that runs the swarm: ' +
      'other commands cannot reach it, and it ends with that process',
  );
  const cluster = givenCluster(context) ?? (await runningLocalStack(context));
  return openKafka(context.swarm, await kafkaAccess(context), cluster);
}

/** Throws CliError with this reason where the settings name the in-memory log. */
export function refuseMemoryLog({ config }: CommandContext, why: string): void {
  if (config.values.RAVENHELM_LOG === 'memory') throw wrongUse(why, `${howToUnset(config, 'RAVENHELM_LOG')}.`);
}

/** What `open` opens on the brokers of a running swarm; the schema registry is not asked. Starts nothing. */
export async function openClientAccess<T>(
  context: CommandContext,
  open: (
    swarm: CommandContext['swarm'],
    access: Pick<KafkaAccess, 'sasl' | 'tls'>,
    brokers: readonly string[],
  ) => Promise<T>,
): Promise<{ readonly access: T; readonly brokers: readonly string[]; readonly cluster: ClusterAccess }> {
  const cluster = givenCluster(context) ?? (await runningLocalStack(context));
  const entry = await kafkaAccess(context);
  const { brokers } = cluster;
  return { access: await open(context.swarm, entry, brokers), brokers, cluster: { ...cluster, entry } };
}

/** Where brokers and registry are, and how they are entered. */
export interface ClusterAccess extends Cluster {
  readonly entry: KafkaAccess;
}

function givenCluster({ config }: CommandContext): Cluster | null {
  const { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl } = config.values;
  return brokers === null || registryUrl === null ? null : { brokers, registryUrl };
}

async function runningLocalStack(context: CommandContext): Promise<Cluster> {
  const { state, brokers, registryUrl, conflicts } = await projectStack(context).status();
  if (state === 'up') return { brokers, registryUrl };
  const message = 'there is no broker: KAFKA_BROKERS is not set and the local stack is not up';
  throw conflicts.length === 0
    ? new CliError(
        'broker_unreachable',
        EXIT.unreachable,
        message,
        'Start the swarm: npx ravenhelm\nOr the broker alone: npx ravenhelm stack up',
      )
    : new CliError('broker_unreachable', EXIT.unreachable, message, portsHeld(conflicts));
}

/** Who holds the ports of this clone's stack, and the ways out. */
export function portsHeld(conflicts: readonly PortConflict[]): string {
  const { message, nextStep } = conflictError(conflicts);
  return `${message}\n${nextStep}`;
}

/** How the settings say that the brokers and the registry are entered. */
async function kafkaAccess({ host, config: { values } }: CommandContext): Promise<KafkaAccess> {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  const { SCHEMA_REGISTRY_USERNAME: registryUser, SCHEMA_REGISTRY_PASSWORD: registryPassword } = values;
  const tls = values.KAFKA_TLS ? await readPemFiles(values) : {};
  return {
    schemasDir: join(host.packageDir, 'schemas'),
    prefix: values.RAVENHELM_PREFIX,
    sessionTimeoutMs: values.KAFKA_SESSION_TIMEOUT_MS,
    ...(registryUser !== null && registryPassword !== null
      ? { registryAuth: { username: registryUser, password: registryPassword } }
      : {}),
    ...(mechanism !== null && username !== null && password !== null
      ? { sasl: { mechanism, username, password } }
      : {}),
    ...(values.KAFKA_TLS ? { tls: Object.keys(tls).length === 0 ? true : tls } : {}),
  };
}
