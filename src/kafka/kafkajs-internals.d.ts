/** Parts of kafkajs 2.2.4 that it does not export and that a defect of its must be worked round in. */
declare module 'ravenhelm-kafkajs/src/consumer/runner.js' {
  class Runner {
    running: boolean;
    readonly consumerGroup: {
      readonly cluster: { disconnect(): Promise<void> };
      commitOffsets(offsets: unknown): Promise<void>;
      leave(): Promise<void>;
    };
    readonly logger: { warn(message: string): void };
    start(): Promise<void>;
    stop(): Promise<void>;
    scheduleFetchManager(): void;
    fetch(nodeId: string): Promise<readonly unknown[]>;
    commitOffsets(offsets: unknown): Promise<void>;
  }
  export default Runner;
}
declare module 'ravenhelm-kafkajs/src/consumer/consumerGroup.js' {
  import type Broker from 'ravenhelm-kafkajs/src/broker/index.js';
  /** What a fetch brought of a partition. */
  export interface FetchedBatch {
    readonly topic: string;
    readonly partition: number;
    /** As the answer was decoded, with what readers never see. */
    readonly rawMessages: readonly object[];
    isEmpty(): boolean;
  }
  class ConsumerGroup {
    /** Of a fetch, in ms. */
    maxWaitTime: number;
    readonly generationId: number | null;
    readonly memberId: string | null;
    readonly cluster: {
      refreshMetadata(): Promise<void>;
      findBroker(of: { readonly nodeId: string }): Promise<Broker>;
    };
    readonly preferredReadReplicasPerTopicPartition: Record<string, Record<number, unknown> | undefined>;
    recoverFromOffsetOutOfRange(error: { readonly topic: string; readonly partition: number }): Promise<void>;
    fetch(nodeId: string): Promise<readonly FetchedBatch[]>;
  }
  export default ConsumerGroup;
}
declare module 'ravenhelm-kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    constructor(options: object);
    readonly pending: readonly unknown[];
    readonly throttleCheckTimeoutId: NodeJS.Timeout | null;
    push(request: object): void;
    fulfillRequest(response: {
      readonly correlationId: number;
      readonly payload: unknown;
      readonly size: number;
    }): void;
    maybeThrottle(ms: number): void;
    destroy(): void;
    scheduleCheckPendingRequests(): void;
    readonly enforceRequestTimeout: boolean;
    readonly requestTimeout: number;
    requestTimeoutIntervalId: NodeJS.Timeout | null;
    readonly inflight: ReadonlyMap<
      number,
      { readonly sentAt: number; readonly requestTimeout: number; timeoutRequest(): void }
    >;
    isConnected(): boolean;
    scheduleRequestTimeoutCheck(): void;
    waitForPendingRequests(): Promise<void>;
  }
  export default RequestQueue;
}
declare module 'ravenhelm-kafkajs/src/cluster/index.js' {
  interface CoordinatorQuestion {
    readonly groupId: string;
    readonly coordinatorType?: number;
  }
  class Cluster {
    readonly brokerPool: {
      /** Asks one broker after the other until one answers; null when none does, whatever they have said. */
      withBroker<T>(
        callback: (found: {
          readonly broker: { findGroupCoordinator(question: CoordinatorQuestion): Promise<T> };
        }) => Promise<T>,
      ): Promise<T | null>;
    };
    findGroupCoordinatorMetadata(question: CoordinatorQuestion): Promise<unknown>;
  }
  export default Cluster;
}
declare module 'ravenhelm-kafkajs/src/protocol/encoder.js' {
  class Encoder {
    constructor(initialSize?: number);
    buf: Buffer;
    offset: number;
    readonly buffer: Buffer;
  }
  export default Encoder;
}
declare module 'ravenhelm-kafkajs/src/protocol/requests/produce/v3/request.js' {
  import type Encoder from 'ravenhelm-kafkajs/src/protocol/encoder.js';
  export interface ProducedMessage {
    readonly key?: Buffer | string | null;
    readonly value: Buffer | string | null;
    readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
    readonly timestamp?: string;
  }
  export interface ProduceArguments {
    readonly acks: number;
    readonly timeout: number;
    readonly compression?: number;
    readonly transactionalId?: string | null;
    readonly topicData: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly messages: readonly ProducedMessage[] }[];
    }[];
  }
  export interface ProduceRequest {
    readonly apiVersion: number;
    encode(): Promise<Encoder>;
  }
  const createRequest: (args: ProduceArguments) => ProduceRequest;
  export default createRequest;
}
declare module 'ravenhelm-kafkajs/src/broker/index.js' {
  import type { ProduceArguments, ProduceRequest } from 'ravenhelm-kafkajs/src/protocol/requests/produce/v3/request.js';
  export interface FetchArguments {
    /** 0: read uncommitted. */
    readonly isolationLevel?: number | undefined;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }[];
    }[];
  }
  /** Of the APIs whose requests are changed; others have other arguments. */
  export type RequestArguments = ProduceArguments | FetchArguments;
  /** What is used of decoded answers. */
  export interface AnyAnswer {
    /** Of CreateTopics. */
    readonly topicErrors?: readonly { readonly topic: string; readonly errorMessage?: string | null }[];
  }
  export interface MadeRequest {
    readonly request: ProduceRequest;
    readonly response: { decode(payload: Buffer): unknown; parse(data: AnyAnswer): unknown };
  }
  /** What kafkajs makes a batch of. */
  export interface PartitionAnswer {
    readonly partition: number;
    readonly errorCode: number;
    readonly highWatermark: string;
    readonly messages: readonly object[];
  }
  class Broker {
    connect(): Promise<void>;
    lookupRequest: (apiKey: number, definition: object) => (args: RequestArguments) => MadeRequest;
    fetch(args: FetchArguments): Promise<{
      readonly responses: readonly { readonly topicName: string; readonly partitions: readonly PartitionAnswer[] }[];
    }>;
  }
  export default Broker;
}
