/** Parts of kafkajs 2.2.4 that it does not export and that a defect of its must be worked round in. */
declare module 'kafkajs/src/consumer/runner.js' {
  class Runner {
    running: boolean;
    fetch(nodeId: string): Promise<readonly unknown[]>;
  }
  export default Runner;
}
