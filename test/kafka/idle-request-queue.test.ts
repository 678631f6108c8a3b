import RequestQueue from 'ravenhelm-kafkajs/src/network/requestQueue/index.js';
import { skipIdleQueueTimers } from '../../src/kafka/idle-request-queue.js';

skipIdleQueueTimers();

const logger = { debug() {}, info() {}, warn() {}, error() {}, namespace: () => logger };

/** A connection's queue that sends one request at a time, and what it has sent. */
function queueOfOne({
  requestTimeout = 30_000,
  enforceRequestTimeout = false,
  isConnected = (): boolean => true,
} = {}) {
  const sent: number[] = [];
  const queue = new RequestQueue({
    instrumentationEmitter: null,
    maxInFlightRequests: 1,
    requestTimeout,
    enforceRequestTimeout,
    clientId: 'test',
    broker: 'nowhere:1',
    logger,
    isConnected,
  });
  const push = (correlationId: number) =>
    new Promise((resolve, reject) =>
      queue.push({
        entry: { correlationId, resolve, reject },
        expectResponse: true,
        sendRequest: () => void sent.push(correlationId),
      }),
    );
  return { queue, sent, push };
}

describe('the request queue of a connection', () => {
  test('sets no timer when nothing waits in it', async () => {
    const { queue, push } = queueOfOne();
    const answered = push(1);
    queue.fulfillRequest({ correlationId: 1, payload: 'answer', size: 6 });
    await answered;
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  test('ends a request that was not answered in time', async () => {
    const { queue, push } = queueOfOne({ requestTimeout: 20, enforceRequestTimeout: true });
    queue.scheduleRequestTimeoutCheck();
    await expect(push(1)).rejects.toThrow(/timed out/);
    queue.destroy();
  });

  test('ends it also when the connection is to be closed meanwhile, which waits for it', async () => {
    const { queue, push } = queueOfOne({
      requestTimeout: 1_200,
      enforceRequestTimeout: true,
      isConnected: () => false,
    });
    queue.scheduleRequestTimeoutCheck();
    const unanswered = expect(push(1)).rejects.toThrow(/timed out/);
    await queue.waitForPendingRequests();
    await unanswered;
    queue.destroy();
  });

  test('sends what waits when the answer to the one before is there', async () => {
    const { queue, sent, push } = queueOfOne();
    const answers = [push(1), push(2)];
    expect(sent).toEqual([1]);
    queue.fulfillRequest({ correlationId: 1, payload: 'answer', size: 6 });
    expect(sent).toEqual([1, 2]);
    queue.fulfillRequest({ correlationId: 2, payload: 'answer', size: 6 });
    await Promise.all(answers);
    queue.destroy();
  });

  test('sends what waits when the pause that the broker asked for is over', async () => {
    const { queue, sent, push } = queueOfOne();
    queue.maybeThrottle(200);
    const answered = push(1);
    expect(sent).toEqual([]);
    while (sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
    queue.fulfillRequest({ correlationId: 1, payload: 'answer', size: 6 });
    await answered;
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });
});
