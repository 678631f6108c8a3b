import suite from './jest.config.mjs';

/** `npm run test:engine`: apart from the suite, because it needs podman. */
const { testPathIgnorePatterns: _, globalSetup: _setup, globalTeardown: _teardown, ...shared } = suite;
export default { ...shared, roots: ['<rootDir>/test/engine'] };
