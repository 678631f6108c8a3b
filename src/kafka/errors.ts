import type { Logger } from '../ports/logger.js';

/** No broker answered, or none let this client in. */
export class BrokerUnreachable extends Error {
  readonly code = 'broker_unreachable';
  readonly retriable = true;

  constructor(readonly brokers: readonly string[], reason: string, readonly nextStep: string, options: { cause?: unknown } = {}) {
    super(`No Kafka broker at ${brokers.join(', ')}: ${reason}. ${nextStep}`, options);
    this.name = 'BrokerUnreachable';
  }
}

/** A broker was there, and then did not answer as it should: a connection was cut, a leader moved, an answer made no sense. */
export class BrokerFailed extends Error {
  readonly code = 'broker_failed';
  readonly retriable = true;

  constructor(doing: string, options: { cause: unknown }) {
    super(`${doing}: the broker failed: ${describeError(options.cause)}. Look at the broker; the same may succeed later`, options);
    this.name = 'BrokerFailed';
  }
}

/** The cluster's access rules do not let this user do it. */
export class NotAuthorized extends Error {
  readonly code = 'not_authorized';
  readonly retriable = false;

  constructor(doing: string, options: { cause: unknown }) {
    super(`${doing}: ${describeError(options.cause)}. ${GRANT}`, options);
    this.name = 'NotAuthorized';
  }
}

const GRANT = 'Grant this user READ, WRITE and DESCRIBE on the topics and READ on the groups of RAVENHELM_PREFIX, or correct KAFKA_SASL_USERNAME';

/** An error as it leaves this layer: what kafkajs says of a connection or a broker becomes BrokerFailed, or NotAuthorized where it can never pass. */
export function leaving(error: unknown, doing: string): unknown {
  if (!(error instanceof Error && error.name.startsWith('KafkaJS'))) return error;
  return isForbidden(error) ? new NotAuthorized(doing, { cause: error }) : new BrokerFailed(doing, { cause: error });
}

function isForbidden(error: unknown): boolean {
  return protocolErrorType(error)?.endsWith('AUTHORIZATION_FAILED') === true;
}

/** The schema registry did not answer, or not as a registry does. */
export class RegistryUnreachable extends Error {
  readonly code = 'registry_unreachable';
  readonly retriable: boolean = true;

  constructor(readonly url: string, reason: string, options: { cause?: unknown } = {}) {
    super(`No schema registry at ${url}: ${reason}. Start it, or correct SCHEMA_REGISTRY_URL`, options);
    this.name = 'RegistryUnreachable';
  }
}

/** The registry does not take a schema of this build; what is written with it could not be read by others. */
export class SchemaIncompatible extends Error {
  readonly code = 'schema_incompatible';
  readonly retriable = false;

  constructor(readonly subject: string, readonly registryReason: string) {
    super(
      `The registry refuses this build's schema of ${subject}: ${registryReason}. ` +
        'Events evolve by optional fields (with a default) only; undo the change, or give the event a new type',
    );
    this.name = 'SchemaIncompatible';
  }
}

/** The registry has no schema of this id (yet). */
export class SchemaUnknown extends Error {
  readonly code = 'schema_unknown';
  readonly retriable = true;

  constructor(readonly schemaId: number) {
    super(`The schema registry does not know schema id ${schemaId}; look whether SCHEMA_REGISTRY_URL is the registry of whoever wrote the record`);
    this.name = 'SchemaUnknown';
  }
}

/**
 * Tells the owner that its member or watch cannot go on. kafkajs calls us from places where an exception would be an
 * unhandled rejection, so that a handler that throws is logged instead.
 */
export function reportFatal(owner: { onFatal(error: Error): void }, error: unknown, logger: Logger): void {
  try {
    owner.onFatal(error instanceof Error ? error : new Error(String(error)));
  } catch (thrown) {
    logger.error({ error: describeError(error), thrown: describeError(thrown) }, 'kafka.on_fatal_threw');
  }
}

/** A file of schemas/ is not an event's schema. */
export class SchemaInvalid extends Error {
  readonly code = 'schema_invalid';
  readonly retriable = false;

  constructor(readonly file: string, reason: string) {
    super(`${file}: ${reason}`);
    this.name = 'SchemaInvalid';
  }
}

/** topics.yaml cannot be used. */
export class TopicPlanInvalid extends Error {
  readonly code = 'topic_plan_invalid';
  readonly retriable = false;

  /** Each problem names file, line and field. */
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'TopicPlanInvalid';
  }
}

/** The client of a group's member stopped for good. */
export class MemberStopped extends Error {
  readonly code = 'member_stopped';
  /** Not where the cluster's access rules are the reason. */
  readonly retriable: boolean;

  constructor(groupId: string, options: { cause: unknown }) {
    const forbidden = isForbidden(options.cause);
    super(`The member of group ${groupId} stopped: ${describeError(options.cause)}. ${forbidden ? GRANT : 'Restart the role'}`, options);
    this.name = 'MemberStopped';
    this.retriable = !forbidden;
  }
}

/** The innermost cause: kafkajs wraps the broker's own error once or twice. */
export function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}

/** The protocol's name of an error, such as MESSAGE_TOO_LARGE; null when it is none of the protocol's. */
export function protocolErrorType(error: unknown): string | null {
  const root = rootCause(error);
  return root instanceof Error && 'type' in root && typeof root.type === 'string' ? root.type : null;
}

/** True when the client or the broker says that the same request may succeed later (a coordinator that is loading). */
export function isRetriable(error: unknown): boolean {
  const root = rootCause(error);
  return root instanceof Error && 'retriable' in root && root.retriable === true;
}

export function describeError(error: unknown): string {
  const root = rootCause(error);
  return root instanceof Error ? root.message || root.name : String(root);
}

/** Why a schema could not be had, naming the registry where that is the reason: its cause alone ("socket hang up") tells an operator nothing. */
export function describeSchemaFailure(error: unknown): string {
  return error instanceof RegistryUnreachable || error instanceof SchemaUnknown ? error.message : describeError(error);
}
