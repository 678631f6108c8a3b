import base from './jest.config.mjs';

/** `npm run test:ollama`: a real Ollama with real small weights; no broker. */
const { globalSetup, globalTeardown, ...rest } = base;

export default {
  ...rest,
  roots: ['<rootDir>/test/ollama'],
  testPathIgnorePatterns: [],
  maxWorkers: 1,
  testTimeout: 600_000,
};
