import suite from './jest.config.mjs';

/** `npm run test:servers`: apart from the suite, because it needs servers that are installed by hand. */
const { testPathIgnorePatterns: _, globalSetup: _setup, globalTeardown: _teardown, ...shared } = suite;
export default { ...shared, roots: ['<rootDir>/test/servers'], testTimeout: 600_000 };
