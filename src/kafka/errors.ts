import { describeError, rootCause } from '../domain/describe-error.js';
import type { Logger } from '../ports/logger.js';

/** No broker answered, or none let this client in. */
export class BrokerUnreachable extends Error {
  readonly code = 'broker_unreachable';
  readonly retriable = true;

  constructor(
    readonly brokers: readonly string[],
    reason: string,
    readonly nextStep: string,
    options: { cause?: unknown } = {},
  ) {
    super(`No Kafka broker at ${brokers.join(', ')}: ${reason}. ${nextStep}`, options);
    this.name = 'BrokerUnreachable';
  }
}

/** A broker is there and does not let this client in; no second attempt will change that. */
export class BrokerRefused extends Error {
  readonly code = 'broker_refused';
  readonly retriable = false;

  /** @param words what it does, such as `wants a client certificate` */
  constructor(
    where: string,
    words: string,
    readonly nextStep: string,
    options: { cause?: unknown } = {},
  ) {
    super(`The Kafka broker at ${where} ${words}. ${nextStep}`, options);
    this.name = 'BrokerRefused';
  }
}

/**
 * A broker was there, and then did not answer as it should: a connection was cut, a leader moved, an answer made no
 * sense.
 */
export class BrokerFailed extends Error {
  readonly code = 'broker_failed';
  readonly retriable = true;

  constructor(doing: string, options: { cause: unknown }) {
    super(
      `${doing}: the broker failed: ${describeError(options.cause)}. Look at the broker; the same may succeed later`,
      options,
    );
    this.name = 'BrokerFailed';
  }
}

/** A new topic's name differs from another one in dots and underscores only. */
export class TopicNameCollides extends Error {
  readonly code = 'topic_name_collides';
  readonly retriable = false;

  constructor(
    readonly topic: string,
    readonly other: string,
  ) {
    super(
      `the topic ${topic} cannot be created: its name differs from ${other} in dots and underscores only, and ` +
        'brokers give both the same metrics. Choose another RAVENHELM_PREFIX, or another name for the agent',
    );
    this.name = 'TopicNameCollides';
  }
}

/** A right on the cluster, as access rules name it: an operation on a kind of resource with these names. */
export interface Right {
  readonly operation: string;
  readonly resource: 'topic' | 'group' | 'cluster';
  /** Of topics or groups; none for the cluster. */
  readonly names: readonly string[];
}

/** The cluster's access rules do not let this user do it. */
export class NotAuthorized extends Error {
  readonly code = 'not_authorized';
  readonly retriable = false;

  /** @param right the one that is missing; null where it is not known */
  constructor(doing: string, right: Right | null, options: { cause: unknown }) {
    super(`${doing}: ${forbiddenWords(options.cause)}. ${grantText(right)}`, options);
    this.name = 'NotAuthorized';
  }
}

/** What to do about a right that is missing. */
export function grantText(right: Right | null): string {
  const what = right === null ? 'the rights that it lacks' : rightText(right);
  if (right?.resource === 'cluster') return `Grant this user ${what}, or log in as a super user`;
  return `Grant this user ${what} (npx ravenhelm acl print lists what each role needs), or correct KAFKA_SASL_USERNAME`;
}

function rightText({ operation, resource, names }: Right): string {
  if (resource === 'cluster') return `${operation} on the cluster`;
  const many = names.length > 1;
  const within = operation === 'DESCRIBE' ? ', which READ, WRITE and DELETE include,' : '';
  return `${operation}${within} on the ${resource}${many ? 's' : ''} ${names.join(', ')}`;
}

/** Resolves as the question does. What access rules forbid becomes NotAuthorized, which names the right. */
export async function needing<T>(right: Right, doing: string, question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (error) {
    throw isForbidden(error) ? new NotAuthorized(doing, right, { cause: error }) : error;
  }
}

/**
 * An error as it leaves this layer: what kafkajs says of a connection or a broker becomes BrokerFailed, or
 * NotAuthorized where it can never pass.
 */
export function leaving(error: unknown, doing: string): unknown {
  if (!(error instanceof Error && isOfClient(error))) return error;
  return isForbidden(error)
    ? new NotAuthorized(doing, null, { cause: error })
    : new BrokerFailed(doing, { cause: error });
}

/**
 * kafkajs names its errors, but not where it does not expect one: a connection that went between two requests ("Broker
 * not connected"), and brokers that it has just forgotten (a TypeError). Those are known by where they were raised.
 */
function isOfClient(error: Error): boolean {
  const raisedIn = error.stack?.split('\n').find((line) => line.startsWith('    at ')) ?? '';
  return error.name.startsWith('KafkaJS') || raisedIn.includes('/node_modules/ravenhelm-kafkajs/');
}

export function isForbidden(error: unknown): boolean {
  return forbidding(error) !== null;
}

const forbiddenWords = (error: unknown): string => describeError(forbidding(error) ?? error);

/** The broker's own error where access rules forbid something, also inside of kafkajs's collections; null elsewhere. */
function forbidding(error: unknown): Error | null {
  const root = rootCause(error);
  if (!(root instanceof Error)) return null;
  if (protocolErrorType(root)?.endsWith('AUTHORIZATION_FAILED') === true) return root;
  for (const inner of errorsInside(root)) {
    const found = forbidding(inner);
    if (found !== null) return found;
  }
  return null;
}

/** kafkajs collects errors of topics in `errors`, of groups in `groups` and of partitions in `partitions`. */
function errorsInside(error: Error): readonly unknown[] {
  return ['errors', 'groups', 'partitions'].flatMap((field) => {
    const list: unknown = Reflect.get(error, field);
    return Array.isArray(list) ? list.map((item: unknown) => (item instanceof Error ? item : errorOf(item))) : [];
  });
}

function errorOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'error' in item ? item.error : null;
}

/**
 * Tells the owner that its member or watch cannot continue. kafkajs calls us from places where an exception would be an
 * unhandled rejection, so that a handler that throws is logged instead.
 */
export function reportFatal(owner: { onFatal(error: Error): void }, error: unknown, logger: Logger): void {
  try {
    owner.onFatal(error instanceof Error ? error : new Error(String(error)));
  } catch (thrown) {
    logger.error({ error: describeError(error), thrown: describeError(thrown) }, 'kafka.on_fatal_threw');
  }
}

/** The client of a group's member stopped for good. */
export class MemberStopped extends Error {
  /** Of the last two only a person can change the reason. */
  readonly code: 'member_stopped' | 'not_authorized' | 'group_refused';
  readonly retriable: boolean;
  /** Null: its supervisor starts it again. */
  readonly nextStep: string | null;

  constructor(groupId: string, topics: readonly string[], options: { cause: unknown; others?: string | null }) {
    const { cause, others = null } = options;
    const forbidden = isForbidden(cause);
    const nextStep = forbidden ? grantText(rightOfMember(groupId, topics, cause)) : groupStep(cause, others);
    const words = describeError(cause).trim().replace(/\.$/, '');
    super(`The member of group ${groupId} stopped: ${words}. ${nextStep ?? 'Restart the role'}`, { cause });
    this.name = 'MemberStopped';
    this.nextStep = nextStep;
    this.retriable = nextStep === null;
    if (forbidden) this.code = 'not_authorized';
    else this.code = nextStep === null ? 'member_stopped' : 'group_refused';
  }
}

/** Whether the group takes this member never as it is. */
export const isRefusedByGroup = (error: unknown): boolean => groupStep(error, null) !== null;

/** Whether a program of another kind is in the group. */
export const isGroupOfOthers = (error: unknown): boolean => protocolErrorType(error) === 'INCONSISTENT_GROUP_PROTOCOL';

const named = (others: string | null): string => (others === null ? '' : ` (${others})`);

/** What to do where the next attempt would meet the same; null where it may pass. */
function groupStep(error: unknown, others: string | null): string | null {
  switch (protocolErrorType(error)) {
    case 'INCONSISTENT_GROUP_PROTOCOL':
      return `Another program is in this group${named(others)}: end it, or give it another group`;
    case 'INVALID_SESSION_TIMEOUT':
      return (
        "Set KAFKA_SESSION_TIMEOUT_MS to a time between the broker's group.min.session.timeout.ms and " +
        'group.max.session.timeout.ms'
      );
    default:
      return null;
  }
}

/** The right that a group's member lacks: to join its group, or to read its topics. */
export function rightOfMember(groupId: string, topics: readonly string[], error: unknown): Right {
  return protocolErrorType(forbidding(error)) === 'GROUP_AUTHORIZATION_FAILED'
    ? { operation: 'READ', resource: 'group', names: [groupId] }
    : { operation: 'READ', resource: 'topic', names: topics };
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
