/** What brokers say when they do not create a topic, and what to do about it. */
import type { AnyAnswer } from 'ravenhelm-kafkajs/src/broker/index.js';
import { describeError } from '../domain/describe-error.js';
import { protocolErrorType } from './errors.js';
import type { ChangeRequest } from './own-requests.js';

export const CREATE_TOPICS_API = 19;

/** The brokers do not create a topic as topics.yaml has it. */
export class TopicRefused extends Error {
  readonly code: 'topic_refused' | 'broker_failed';
  readonly retriable: boolean;
  readonly nextStep: string;

  constructor(topic: string, failure: unknown) {
    const type = protocolErrorType(failure) ?? 'UNKNOWN_SERVER_ERROR';
    const nextStep = NEXT_STEPS[type] ?? LATER;
    super(`The brokers do not create the topic ${topic}: ${type}: ${wordsOf(failure)}. ${nextStep}`, {
      cause: failure,
    });
    this.name = 'TopicRefused';
    this.nextStep = nextStep;
    this.retriable = NEXT_STEPS[type] === undefined;
    this.code = this.retriable ? 'broker_failed' : 'topic_refused';
  }
}

const AGAIN = 'then run npx ravenhelm init again';
const LATER = 'Look at the brokers; the same may succeed later';

/** Of what stays so until a person changes something. */
const NEXT_STEPS: Readonly<Record<string, string>> = {
  POLICY_VIOLATION:
    `Change the topic in topics.yaml to what the cluster allows, or have it ` + `created by those who may; ${AGAIN}`,
  INVALID_REPLICATION_FACTOR:
    `Set replication_factor in topics.yaml to auto, or to at most the ` + `number of brokers; ${AGAIN}`,
  INVALID_CONFIG: `Correct config in topics.yaml; ${AGAIN}`,
  INVALID_PARTITIONS: `Correct partitions in topics.yaml; ${AGAIN}`,
  INVALID_TOPIC_EXCEPTION: `Correct RAVENHELM_PREFIX, or the name of the agent; ${AGAIN}`,
};

const wordsOf = (failure: unknown): string => describeError(failure).trim().replace(/\.+$/, '');

/**
 * kafkajs 2.2.4 reads the broker's own words of each topic and throws them away (protocol/requests/createTopics); here
 * they are the message of the topic's error.
 */
export const keepWordsOfTopics: ChangeRequest = (_args, made) => {
  const { parse } = made.response;
  return {
    ...made,
    response: {
      ...made.response,
      async parse(data: AnyAnswer) {
        try {
          return await parse(data);
        } catch (error) {
          throw withWords(error, data);
        }
      },
    },
  };
};

function withWords(error: unknown, { topicErrors = [] }: AnyAnswer): unknown {
  for (const failure of topicFailures(error)) {
    if (failure.type?.endsWith('AUTHORIZATION_FAILED') === true) continue; // kafkajs's words say more
    const words = topicErrors.find(({ topic }) => topic === failure.topic)?.errorMessage;
    if (words !== undefined && words !== null && words !== '') failure.message = words;
  }
  return error;
}

export interface TopicFailure extends Error {
  readonly topic: string;
  readonly type?: string;
}

/** What failed for which topic, of kafkajs's collection. */
export function topicFailures(error: unknown): readonly TopicFailure[] {
  if (!(error instanceof Error) || !('errors' in error) || !Array.isArray(error.errors)) return [];
  return error.errors.filter(isTopicFailure);
}

function isTopicFailure(item: unknown): item is TopicFailure {
  return item instanceof Error && 'topic' in item && typeof item.topic === 'string';
}
