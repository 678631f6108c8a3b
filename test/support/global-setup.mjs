// Starts the tests' broker once for all test files, before they run, and tells them where it is.
//   RAVENHELM_TEST_NO_BROKER=1              no broker: tests that need one are skipped (quick runs of pure tests)
//   RAVENHELM_TEST_REQUIRE_BROKER=1         no broker: the run fails instead of skipping (CI)
//   RAVENHELM_TEST_PROGRAMS=1                a test whose program is missing fails; setup installs them (CI)
//   RAVENHELM_TEST_BROKERS and _REGISTRY    given from outside: used as they are
import { startTestBroker } from './start-broker.mjs';

export default async function globalSetup() {
  if (process.env.RAVENHELM_TEST_BROKERS && process.env.RAVENHELM_TEST_REGISTRY) return;
  if (process.env.RAVENHELM_TEST_NO_BROKER === '1') {
    process.env.RAVENHELM_TEST_NO_BROKER_REASON = 'RAVENHELM_TEST_NO_BROKER=1';
    return;
  }
  const broker = await startTestBroker();
  if (broker.kind === 'none') {
    if (process.env.RAVENHELM_TEST_REQUIRE_BROKER === '1')
      throw new Error(`No broker for the tests: ${broker.reason}. To get one: ${broker.howToGetOne}`);
    process.env.RAVENHELM_TEST_NO_BROKER_REASON = `${broker.reason}; ${broker.howToGetOne}`;
    process.stderr.write(
      `No broker for the tests: ${broker.reason}. Those that need one are skipped. To run them: ` +
        `${broker.howToGetOne}\n`,
    );
    return;
  }
  process.env.RAVENHELM_TEST_BROKERS = broker.brokers.join(',');
  process.env.RAVENHELM_TEST_REGISTRY = broker.registryUrl;
  globalThis.ravenhelmTestBroker = broker;
}
