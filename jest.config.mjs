/** Every test of `npm test`. ES modules in jest need node --experimental-vm-modules; scripts/test.mjs passes it. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/test/ollama/', '/test/servers/', '<rootDir>/test/engine/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
  },
  // The sources first: each import names a .js file that is a .ts file here.
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testSequencer: '<rootDir>/test/support/interleave.mjs',
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  // Two test files at a time suit two cores: the broker and the processes under test need theirs too.
  maxWorkers: 2,
  testTimeout: 180_000,
  // A worker without a leak ends 0.2 s after its last test on a quiet computer and 1.2 s after it on a busy one; jest's
  // default of 0.5 s then reports a leak that is none. One that still has a timer or socket after 10 s is reported.
  workerGracefulExitTimeout: 10_000,
};
