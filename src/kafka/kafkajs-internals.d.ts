/** Parts of kafkajs 2.2.4 that it does not export and that a defect of its must be worked round in. */
declare module 'kafkajs/src/consumer/runner.js' {
  class Runner {
    running: boolean;
    readonly consumerGroup: { commitOffsets(offsets: unknown): Promise<void> };
    fetch(nodeId: string): Promise<readonly unknown[]>;
    commitOffsets(offsets: unknown): Promise<void>;
  }
  export default Runner;
}
declare module 'kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    constructor(options: object);
    readonly pending: readonly unknown[];
    readonly throttleCheckTimeoutId: NodeJS.Timeout | null;
    push(request: object): void;
    fulfillRequest(response: { readonly correlationId: number; readonly payload: unknown; readonly size: number }): void;
    maybeThrottle(ms: number): void;
    destroy(): void;
    scheduleCheckPendingRequests(): void;
  }
  export default RequestQueue;
}
