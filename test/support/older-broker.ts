/** An older real broker (local-stack/older-kafka/pom.xml), for what must hold on every Kafka that users have. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askBroker } from '../../src/kafka/ask-broker.js';
import { chooseJava } from '../../src/local/choose-stack.js';
import { answersItself, launchService, logTail, stopService } from '../../src/local/java-service.js';
import { kafkaBroker } from '../../src/local/kafka-broker.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { until } from '../contract/until.js';
import { temporaryPlace, world } from '../local/stack-fixture.js';

const choice = await chooseJava(developmentPlace(resolve('.')), world.env, 'this test starts a separate broker');
const jarsDir = join(developmentPlace(resolve('.')).jarsDir, 'older');
const jar = existsSync(join(jarsDir, 'kafka'))
  ? readdirSync(join(jarsDir, 'kafka')).find((name) => name.startsWith('kafka_2.13-'))
  : undefined;

/** Such as 3.9.1; null where setup has not fetched it. */
export const olderKafka: string | null = jar === undefined ? null : jar.replace(/^kafka_2\.13-|\.jar$/g, '');

/** describe() for tests with that broker and the tests' registry. */
export const describeWithOlderBroker = (name: string, body: () => void): void => {
  const withBroker = process.env['RAVENHELM_TEST_BROKERS'] !== undefined;
  if (choice.kind === 'java' && olderKafka !== null && withBroker) return describe(name, body);
  // Where setup was to fetch it (CI), a test that is left out must not look like one that holds. Unit tests have no
  // broker at all.
  if (process.env['RAVENHELM_TEST_PROGRAMS'] === '1' && choice.kind === 'java' && withBroker)
    test(name, () => {
      throw new Error('there is no older broker: npm run setup fetches it');
    });
  else describe.skip(`${name} [no Java, or no broker]`, body);
};

export interface OlderBroker {
  readonly brokers: readonly string[];
  stop(): Promise<void>;
}

export async function startOlderBroker(): Promise<OlderBroker> {
  if (choice.kind !== 'java') throw new Error('there is no Java');
  const own = await temporaryPlace();
  const place = { ...own, jarsDir };
  const brokers = [`localhost:${place.ports.broker}`];
  const brokerWorld = { ...world, askBroker: () => askBroker(brokers) };
  const service = kafkaBroker(place, brokerWorld);
  await service.prepare(choice.java, world.env);
  await launchService(place, service, choice.java, world.env);
  await until('the broker answers', () => answersItself(place, service), 180_000).catch(async (error: unknown) => {
    throw new Error(`${String(error)}:\n${await logTail(place, service.name, 15)}`);
  });
  return {
    brokers,
    async stop() {
      await stopService(place, service, brokerWorld);
      await own.remove();
    },
  };
}
