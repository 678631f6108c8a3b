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
