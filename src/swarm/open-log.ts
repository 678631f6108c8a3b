import { createKafkaLog, type KafkaLogOptions } from '../kafka/kafka-log.js';
import type { LocalStack } from '../local/local-stack.js';
import { StackError } from '../local/stack-error.js';
import { createMemoryLog } from '../memory/memory-log.js';
import { orAborted } from '../domain/deferred.js';
import type { Log } from '../ports/log.js';
import type { SwarmContext } from './context.js';
import { redactingLog } from './redacting-log.js';

/** The log that a process works on, and how it was found. */
export interface OpenLog {
  readonly log: Log;
  /** Where, for a log on Kafka; the local stack's addresses are in no setting. */
  readonly brokers: readonly string[];
  readonly registryUrl: string | null;
  /** Lines for the banner. */
  readonly banner: readonly string[];
}

/** Where a broker and its registry are. */
export interface Cluster {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
}

/** The cluster as every text names it. */
export function clusterText({ brokers, registryUrl }: Cluster): string {
  return `Kafka at ${brokers.join(',')}, registry at ${registryUrl}`;
}

/** How the brokers and the registry are entered. */
export interface KafkaAccess
  extends Pick<KafkaLogOptions, 'sasl' | 'tls' | 'sessionTimeoutMs' | 'schemasDir' | 'prefix'> {
  readonly registryAuth?: { readonly username: string; readonly password: string };
}

export interface LogChoice {
  /** kafka: a failure where no broker can be started. auto: the in-memory log then, where that is allowed. */
  readonly wanted: 'auto' | 'kafka';
  readonly allowMemory: boolean;
  readonly access: KafkaAccess;
  /** null: the local stack, which is started. */
  readonly cluster: Cluster | null;
  readonly stack: LocalStack;
  /** Says what the local stack is doing. */
  say(line: string): void;
}

/**
 * The first log that there is: on the given broker, on the local stack, which is started if need be, or in memory, in
 * this process only. Rejects with what keeps a broker away where memory is not allowed.
 */
export async function openAvailableLog(context: SwarmContext, choice: LogChoice): Promise<OpenLog> {
  const { access, cluster, wanted, allowMemory } = choice;
  if (cluster !== null) return openKafka(context, access, cluster);
  try {
    const { started, ...local } = await choice.stack.up({ progress: choice.say, signal: context.signal });
    const how = `${started ? 'started' : 'running already'}; it stays up, npx ravenhelm stack down stops it`;
    return await openKafka(context, access, local, [`     local stack, ${how}`]);
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'stack_unavailable' || wanted === 'kafka' || !allowMemory)
      throw error;
    return openMemory(context, `. ${error.message}`, [`     how to get a broker: ${error.nextStep}`]);
  }
}

/** The log on a cluster; details are further lines of its banner. */
export async function openKafka(
  { processName, signal, redact, ...context }: SwarmContext,
  { registryAuth, ...access }: KafkaAccess,
  cluster: Cluster,
  details: readonly string[] = [],
): Promise<OpenLog> {
  const { brokers, registryUrl } = cluster;
  const log = await orAborted(
    createKafkaLog({
      ...context,
      ...access,
      brokers,
      clientId: `ravenhelm-${processName}`,
      registry: { url: registryUrl, ...(registryAuth === undefined ? {} : { auth: registryAuth }) },
    }),
    signal,
  );
  const banner = [`log: ${clusterText(cluster)}`, ...details];
  return { log: redactingLog(log, redact), brokers, registryUrl, banner };
}

/** A log in memory; why ends the first line of its banner, details are further lines. */
export function openMemory(
  { clock, redact }: Pick<SwarmContext, 'clock' | 'redact'>,
  why: string,
  details: readonly string[] = [],
): OpenLog {
  const banner = [`log: in memory, this process only${why}`, ...details];
  return { log: redactingLog(createMemoryLog({ clock }), redact), brokers: [], registryUrl: null, banner };
}
