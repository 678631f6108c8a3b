import suite from './jest.config.mjs';

/**
 * `npm run test:ollama`: apart from the suite, because it builds a real Ollama the first time (minutes) and runs a
 * model.
 */
const { testPathIgnorePatterns: _, globalSetup: _setup, globalTeardown: _teardown, ...shared } = suite;
export default { ...shared, roots: ['<rootDir>/test/ollama'], testTimeout: 1_200_000 };
