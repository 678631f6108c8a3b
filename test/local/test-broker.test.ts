import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { jest } from '@jest/globals';
import { chooseStack } from '../../src/local/choose-stack.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { freePorts, startTestBroker } from '../support/start-broker.mjs';
import { portOf } from './stack-fixture.js';

jest.setTimeout(400_000);

const choice = await chooseStack(developmentPlace(resolve('.')), process.env);
const testWithBroker: typeof test = choice.kind === 'none' ? test.skip : test;

testWithBroker('the broker of the tests takes other ports when one was taken after it was chosen', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const chosen: number[][] = [];
  const broker = await startTestBroker({
    choosePorts: async (count: number) => {
      const free = await freePorts(count);
      const ports = chosen.length === 0 ? [portOf(other), ...free.slice(1)] : free;
      chosen.push(ports);
      return ports;
    },
  });
  try {
    expect(chosen).toHaveLength(2);
    expect(broker).toMatchObject({ brokers: [expect.stringMatching(`:${chosen[1]?.[0]}$`)] });
  } finally {
    if ('stop' in broker) await broker.stop();
    other.close();
  }
});
