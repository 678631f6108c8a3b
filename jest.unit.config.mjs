import { existsSync } from 'node:fs';
import suite from './jest.config.mjs';

/**
 * Folders whose tests start no broker, no sandbox and no other process. Groups in them that need a broker are
 * reported as skipped.
 */
const UNIT = [
  'agent',
  'architecture',
  'avro',
  'bench',
  'client',
  'domain',
  'eval',
  'kafka',
  'memory',
  'models',
  'policy',
  'ports',
  'roles',
  'swarm',
  'telemetry',
];
/**
 * `npm run test:unit`: these folders. RAVENHELM_TEST_LEAVE_OUT names some of them, with
 * commas, that do not run. Without arguments it is quick (test/support/quick.ts); tests that are named run whole.
 */
const leftOut = (process.env.RAVENHELM_TEST_LEAVE_OUT ?? '').split(',');
const folders = UNIT.filter((folder) => !leftOut.includes(folder));
/** A path or a pattern of tests, not an option of jest. */
const namesTests = process.argv.slice(2).some((argument) => argument.includes('test/') || argument.includes('.test.'));

process.env.RAVENHELM_TEST_NO_BROKER_REASON = 'unit tests run without one';
process.env.RAVENHELM_TEST_QUICK ??= namesTests ? '0' : '1';
const { globalSetup: _setup, globalTeardown: _teardown, ...shared } = suite;
export default {
  ...shared,
  testPathIgnorePatterns: [...suite.testPathIgnorePatterns, '/test/telemetry/servers/'],
  maxWorkers: 4, // without a broker they wait more than they compute: two workers take half as long again
  roots: folders
    .filter((folder) => existsSync(new URL(`test/${folder}`, import.meta.url)))
    .map((folder) => `<rootDir>/test/${folder}`),
};
