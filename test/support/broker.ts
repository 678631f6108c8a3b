/** The broker that `npm test` runs: a Redpanda container, or the Java stack on free ports. */
export interface TestBroker {
  readonly brokers: readonly string[];
  /** Of the Confluent API, such as http://localhost:18081. */
  readonly registryUrl: string;
}

/** Addresses of the tests' own broker and registry. Call it inside describeWithBroker or its tests. */
export function testBroker(): TestBroker {
  const brokers = process.env['RAVENHELM_TEST_BROKERS'];
  const registryUrl = process.env['RAVENHELM_TEST_REGISTRY'];
  if (brokers === undefined || registryUrl === undefined) {
    throw new Error(`The tests have no broker: ${whyNoBroker()}. Run npm run setup, then npm test.`);
  }
  return { brokers: brokers.split(','), registryUrl };
}

/**
 * describe() for tests that need the broker. Without one they are reported as skipped, with the reason in
 * the name of the group, never as passed.
 */
export function describeWithBroker(name: string, body: () => void): void {
  if (process.env['RAVENHELM_TEST_BROKERS'] !== undefined) describe(name, body);
  else describe.skip(`${name} [no broker: ${whyNoBroker()}]`, body);
}

function whyNoBroker(): string {
  return process.env['RAVENHELM_TEST_NO_BROKER_REASON'] ?? 'jest was started without test/support/global-setup.mjs';
}
