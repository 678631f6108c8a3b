import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askBroker } from '../kafka/ask-broker.js';
import { createKafkaLog } from '../kafka/kafka-log.js';
import type { ClusterOptions } from '../kafka/kafka-client.js';
import { createLocalStack, type LocalStack } from '../local/local-stack.js';
import { conflictError, type PortConflict } from '../local/port-conflict.js';
import { StackError } from '../local/stack-error.js';
import { developmentPlace } from '../local/stack-place.js';
import { createMemoryLog } from '../memory/memory-log.js';
import type { Log } from '../ports/log.js';
import { CliError, wrongConfiguration, wrongUse } from './cli-error.js';
import type { CommandContext } from './context.js';
import { orAborted } from '../domain/deferred.js';
import { EXIT } from './exit-codes.js';
import { howToUnset } from './setting-place.js';

/** The log that a command works on, and how it was found. */
export interface OpenLog {
  readonly log: Log;
  readonly kind: 'kafka' | 'memory';
  /** For kafka: where; the local stack's addresses stand in no setting. */
  readonly brokers: readonly string[];
  readonly registryUrl: string | null;
  /** Lines for the banner. */
  readonly banner: readonly string[];
}

/** Where a broker and its registry are. */
interface Cluster {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly banner: readonly string[];
}

/** The local stack of this clone. */
export function localStackOf({ host }: CommandContext): LocalStack {
  return createLocalStack(developmentPlace(host.projectDir), {
    env: host.env,
    clock: host.clock,
    ids: host.ids,
    askBroker,
  });
}

/**
 * The log for a process that runs roles: the given broker, else this clone's local stack, started if need be, else the
 * in-memory log, which lives in this process only. Rejects with an error of exit code 3 where no broker can be had and
 * memory is not allowed.
 */
export async function openSwarmLog(
  context: CommandContext,
  { allowMemory }: { readonly allowMemory: boolean },
): Promise<OpenLog> {
  const wanted = context.config.values.RAVENHELM_LOG;
  if (wanted === 'memory') {
    if (allowMemory) return openMemoryLog(context, ['log: in memory, this process only (--log memory)']);
    throw wrongUse(
      'the in-memory log lives in one process: a role alone on it meets nobody',
      `${howToUnset(context.config, 'RAVENHELM_LOG')}, or start everything in one process: npx ravenhelm`,
    );
  }
  const given = givenCluster(context);
  if (given !== null) return openKafkaLog(context, given);
  try {
    return await openKafkaLog(context, await startLocalStack(context));
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'stack_unavailable' || wanted === 'kafka' || !allowMemory)
      throw error;
    return openMemoryLog(context, [
      `log: in memory, this process only. ${error.message}`,
      `     how to get a broker: ${error.nextStep}`,
    ]);
  }
}

/** The log for a command that meets a running swarm. Starts nothing; rejects with exit code 3 when there is no broker. */
export async function openClientLog(context: CommandContext): Promise<OpenLog> {
  if (context.config.values.RAVENHELM_LOG === 'memory') {
    throw wrongUse(
      'the in-memory log lives in the process that runs the swarm: no other command can reach it, and nothing of it is left when that has ended',
      `${howToUnset(context.config, 'RAVENHELM_LOG')}.`,
    );
  }
  return openKafkaLog(context, givenCluster(context) ?? (await runningLocalStack(context)));
}

function givenCluster({ config }: CommandContext): Cluster | null {
  const { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl } = config.values;
  if (brokers === null || registryUrl === null) return null;
  return { brokers, registryUrl, banner: [`log: Kafka at ${brokers.join(',')}, registry at ${registryUrl}`] };
}

async function startLocalStack(context: CommandContext): Promise<Cluster> {
  const stack = await localStackOf(context).up({ progress: context.say, signal: context.host.interruption });
  const how = `${stack.started ? 'started' : 'running already'}; it stays up, npx ravenhelm stack down stops it`;
  return {
    ...stack,
    banner: [`log: Kafka at ${stack.brokers.join(',')}, registry at ${stack.registryUrl}`, `     local stack, ${how}`],
  };
}

async function runningLocalStack(context: CommandContext): Promise<Cluster> {
  const { state, brokers, registryUrl, conflicts } = await localStackOf(context).status();
  if (state === 'up') return { brokers, registryUrl, banner: [] };
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

async function openKafkaLog(context: CommandContext, { brokers, registryUrl, banner }: Cluster): Promise<OpenLog> {
  const { host, config, logger } = context;
  const { values } = config;
  const { SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD: password } = values;
  const log = await orAborted(
    createKafkaLog({
      ...(await clusterOptions(context, brokers)),
      registry: {
        url: registryUrl,
        ...(username === null || password === null ? {} : { auth: { username, password } }),
      },
      schemasDir: join(host.projectDir, 'schemas'),
      prefix: values.RAVENHELM_PREFIX,
      sessionTimeoutMs: values.KAFKA_SESSION_TIMEOUT_MS,
      clock: host.clock,
      ids: host.ids,
      random: host.random,
      logger,
    }),
    host.interruption,
  );
  return { log, kind: 'kafka', brokers, registryUrl, banner };
}

function openMemoryLog({ host }: CommandContext, banner: readonly string[]): OpenLog {
  return { log: createMemoryLog({ clock: host.clock }), kind: 'memory', brokers: [], registryUrl: null, banner };
}

async function clusterOptions(
  { host, config: { values } }: CommandContext,
  brokers: readonly string[],
): Promise<ClusterOptions> {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  const [ca, cert, key] = await Promise.all([
    readPem('KAFKA_TLS_CA', values.KAFKA_TLS_CA),
    readPem('KAFKA_TLS_CERT', values.KAFKA_TLS_CERT),
    readPem('KAFKA_TLS_KEY', values.KAFKA_TLS_KEY),
  ]);
  const tls = { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }) };
  return {
    brokers,
    clientId: `ravenhelm-${host.hostname}-${host.pid}`,
    ...(mechanism !== null && username !== null && password !== null
      ? { sasl: { mechanism, username, password } }
      : {}),
    ...(values.KAFKA_TLS ? { tls: Object.keys(tls).length === 0 ? true : tls } : {}),
  };
}

async function readPem(name: string, path: string | null): Promise<string | null> {
  if (path === null) return null;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw wrongConfiguration(
      `${name} is ${path}, which cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      `Correct ${name}.`,
      error,
    );
  }
}
