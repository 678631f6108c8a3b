import { KafkaJSProtocolError } from 'ravenhelm-kafkajs';
import { describeFailure } from '../../src/cli/failure.js';
import { leaving, MemberStopped } from '../../src/kafka/errors.js';

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

  test("is wrong configuration where access is forbidden: it says what to grant, and is no program's fault", () => {
    const error = leaving(forbidden, 'A question');
    expect(error).toMatchObject({ code: 'not_authorized', retriable: false });
    expect(describeFailure(error)).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/^A question: the broker says .*Grant this user READ/),
    });
  });

  test('ends a member that has no right to its group for good: no restart grants one', () => {
    expect(new MemberStopped('workers', { cause: forbidden })).toMatchObject({
      retriable: false,
      message: expect.stringContaining('Grant this user'),
    });
    expect(new MemberStopped('workers', { cause: new Error('a broker went') })).toMatchObject({
      retriable: true,
      message: expect.stringContaining('Restart the role'),
    });
  });
});
