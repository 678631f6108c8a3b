// Stops a test stack and deletes its data when standard input closes. Started by start-broker.mjs.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';

import { askBroker } from '../../dist/kafka/ask-broker.js';
import { createLocalStack } from '../../dist/local/local-stack.js';
import { systemClock } from './start-broker.mjs';

const place = JSON.parse(process.argv[2]);
const stack = createLocalStack(place, { env: process.env, clock: systemClock, ids: { uuid: randomUUID }, askBroker });

process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.stdin.resume();
process.stdin.once('close', async () => {
  await stack.down();
  await rm(place.dataDir, { recursive: true, force: true });
});
