import { createKafkaLog, type KafkaLogOptions } from '../kafka/kafka-log.js';
import type { LocalStack } from '../local/local-stack.js';
import { StackError } from '../local/stack-error.js';
import { createMemoryLog } from '../memory/memory-log.js';
import { orAborted } from '../domain/deferred.js';
import type { Log } from '../ports/log.js';
import type { SwarmContext } from './context.js';

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
  readonly banner: readonly string[];
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
 * The log for a process that runs roles: the given broker, else the local stack, started if need be, else the in-memory
 * log, which lives in this process only. Rejects with what keeps a broker away where memory is not allowed.
 */
export async function openSwarmLog(context: SwarmContext, choice: LogChoice): Promise<OpenLog> {
  const { access, cluster, wanted, allowMemory } = choice;
  if (cluster !== null) return openKafka(context, access, cluster);
  try {
    return await openKafka(context, access, await startLocalStack(context, choice));
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'stack_unavailable' || wanted === 'kafka' || !allowMemory)
      throw error;
    return openMemory(context, [
      `log: in memory, this process only. ${error.message}`,
      `     how to get a broker: ${error.nextStep}`,
    ]);
  }
}

export async function openKafka(
  { processName, signal, ...context }: SwarmContext,
  { registryAuth, ...access }: KafkaAccess,
  { brokers, registryUrl, banner }: Cluster,
): Promise<OpenLog> {
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
  return { log, brokers, registryUrl, banner };
}

export function openMemory({ clock }: Pick<SwarmContext, 'clock'>, banner: readonly string[]): OpenLog {
  return { log: createMemoryLog({ clock }), brokers: [], registryUrl: null, banner };
}

async function startLocalStack({ signal }: SwarmContext, { stack, say }: LogChoice): Promise<Cluster> {
  const { started, brokers, registryUrl } = await stack.up({ progress: say, signal });
  const how = `${started ? 'started' : 'running already'}; it stays up, npx ravenhelm stack down stops it`;
  return {
    brokers,
    registryUrl,
    banner: [`log: Kafka at ${brokers.join(',')}, registry at ${registryUrl}`, `     local stack, ${how}`],
  };
}
