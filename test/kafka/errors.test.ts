import { createRequire } from 'node:module';
import { KafkaJSProtocolError } from 'ravenhelm-kafkajs';
import { describeFailure } from '../../src/cli/failure.js';
import { leaving, MemberStopped } from '../../src/kafka/errors.js';

const { Broker, BrokerPool } = kafkajsParts();
const connection = { host: 'localhost', port: 1 };
const logger = { namespace: () => logger, debug: () => undefined };

/** Parts of kafkajs that raise errors without a kafkajs name. */
function kafkajsParts() {
  const load = createRequire(import.meta.url);
  return { Broker: load('ravenhelm-kafkajs/src/broker'), BrokerPool: load('ravenhelm-kafkajs/src/cluster/brokerPool') };
}

const protocolError = (type: string, retriable: boolean) =>
  new KafkaJSProtocolError(Object.assign(new Error(`the broker says ${type}`), { type, code: 29, retriable }));
const forbidden = protocolError('TOPIC_AUTHORIZATION_FAILED', false);

describe('what the cluster says, as it leaves this folder', () => {
  test('is a broker that failed where the same may succeed later', () => {
    expect(leaving(protocolError('REQUEST_TIMED_OUT', true), 'A question')).toMatchObject({
      code: 'broker_failed',
      retriable: true,
    });
  });

  test.each([
    [
      'a connection that went between two requests',
      async () => new Broker({ logger, connectionPool: { connectionTimeout: 1 } }).metadata([]),
      /Broker not connected/,
    ],
    [
      'brokers that it has forgotten',
      async () => {
        const pool = new BrokerPool({ connectionPoolBuilder: { build: async () => connection }, logger });
        await pool.createBroker({ logger, connectionPool: connection });
        pool.findConnectedBroker = async () => undefined;
        return pool.refreshMetadata([]);
      },
      /undefined/,
    ],
  ])('is a broker that failed where kafkajs does not name its error: %s', async (_, question, words) => {
    const error: unknown = await question().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringMatching(words) });
    expect((error as Error).name).not.toContain('KafkaJS');
    expect(leaving(error, 'A question')).toMatchObject({ code: 'broker_failed', retriable: true });
    expect(describeFailure(leaving(error, 'A question'))).toMatchObject({ exitCode: 3 });
  });

  test("is what it was where it is no error of the client's", () => {
    const own = new TypeError('a fault of the program');
    expect(leaving(own, 'A question')).toBe(own);
  });

  test("is wrong configuration where access is forbidden: it says what to grant, and is no program's fault", () => {
    const error = leaving(forbidden, 'A question');
    expect(error).toMatchObject({ code: 'not_authorized', retriable: false });
    expect(describeFailure(error)).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        /^A question: the broker says .*Grant this user the rights that it lacks \(npx ravenhelm acl print/,
      ),
    });
  });

  test('ends a member that has no right to its group for good: no restart grants one', () => {
    expect(new MemberStopped('workers', ['tasks'], { cause: forbidden })).toMatchObject({
      retriable: false,
      message: expect.stringContaining('Grant this user READ on the topic tasks ('),
    });
    expect(new MemberStopped('workers', ['tasks'], { cause: new Error('a broker went') })).toMatchObject({
      retriable: true,
      message: expect.stringContaining('Restart the role'),
    });
  });
});
