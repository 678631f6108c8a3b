import { KafkaJSProtocolError } from 'ravenhelm-kafkajs';
import { createClientFactory } from '../../src/kafka/kafka-client.js';
import type { Reader } from '../../src/kafka/reader.js';
import type { Logger } from '../../src/ports/logger.js';
import { createScriptedReader, scriptedConsumer } from './scripted-reader.js';

type Line = readonly [level: string, event: string];

function recordingLogger(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (_fields: object, event: string) => void lines.push([level, event]);
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return { logger, lines };
}

const readers: Reader[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.stop();
});

/** A member that is in its group; the test plays the client's events. */
async function joinedMember() {
  const { logger, lines } = recordingLogger();
  const { consumer, emit } = scriptedConsumer(() => join());
  const join = () => emit('join', { memberAssignment: {}, memberId: 'm' });
  const crash = (error: Error, restart: boolean) => emit('crash', { error, restart });
  const fatal: Error[] = [];
  const reader = createScriptedReader({ consumer, logger, owner: { onFatal: (error) => void fatal.push(error) } });
  readers.push(reader);
  await reader.session.start();
  return { join, crash, lines, fatal };
}

const loading = () =>
  new KafkaJSProtocolError({
    name: 'KafkaJSProtocolError',
    message: 'loading',
    type: 'COORDINATOR_LOAD_IN_PROGRESS',
    code: 14,
    retriable: true,
  } as never);
const forbidden = () =>
  new KafkaJSProtocolError({
    name: 'KafkaJSProtocolError',
    message: 'forbidden',
    type: 'GROUP_AUTHORIZATION_FAILED',
    code: 30,
    retriable: false,
  } as never);
const INTERRUPTED = 'kafka.member_interrupted';

test('a failure that passes is no warning', async () => {
  const { crash, lines, fatal } = await joinedMember();
  crash(loading(), true);
  expect(lines).toEqual([['info', INTERRUPTED]]);
  expect(fatal).toEqual([]);
});

test('a member that stays out of its group is a warning, until it has joined again', async () => {
  const { crash, join, lines } = await joinedMember();
  for (let count = 0; count < 5; count++) crash(loading(), true);
  join();
  crash(loading(), true);
  expect(lines.map(([level]) => level)).toEqual(['info', 'info', 'info', 'info', 'warn', 'info']);
});

test('a failure that ends the member is a warning, and fatal', async () => {
  const { crash, lines, fatal } = await joinedMember();
  crash(forbidden(), false);
  expect(lines).toEqual([['warn', INTERRUPTED]]);
  expect(fatal).toHaveLength(1);
});

test("the client's lines on crashes, restarts and rebalances are for debugging; a failed listener is a warning", () => {
  const { logger, lines } = recordingLogger();
  const client = createClientFactory({ brokers: ['localhost:1'], clientId: 'test' }, logger)().logger();
  client
    .namespace('Consumer')
    .error('Crash: KafkaJSProtocolError: loading', { groupId: 'g', retryCount: undefined, stack: '' });
  client
    .namespace('Consumer')
    .error('Restarting the consumer in 100ms', { groupId: 'g', retryCount: undefined, retryTime: 100 });
  client.namespace('Runner').warn('The group is rebalancing, re-joining', { groupId: 'g' });
  client.namespace('Connection').error('Connection error: refused', {});
  expect(lines.map(([level]) => level)).toEqual(['debug', 'debug', 'debug', 'debug']);
  client.namespace('Consumer').error('Failed to execute listener: broken', { eventName: 'consumer.crash', stack: '' });
  expect(lines.at(-1)).toEqual(['warn', 'kafka.client']);
});
