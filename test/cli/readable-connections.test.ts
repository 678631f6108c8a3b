import { loadConfig } from '../../src/cli/config.js';
import { refuseReadableConnections } from '../../src/cli/readable-connections.js';

const SASL = {
  KAFKA_BROKERS: 'localhost:9,broker.example.net:9092',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9',
  KAFKA_SASL_MECHANISM: 'scram-sha-512',
  KAFKA_SASL_USERNAME: 'worker',
  KAFKA_SASL_PASSWORD: 'correct horse battery',
};

function check(env: Readonly<Record<string, string>>): void {
  const place = { cwd: '/home/me', projectDir: '/home/me', configFile: null, readFile: () => null };
  refuseReadableConnections(loadConfig({ flags: {}, env, ...place }), env);
}

test('event-023: in production a password needs TLS, or a broker on this computer', () => {
  expect(() => check(SASL)).toThrow(/KAFKA_TLS is not, .*broker\.example\.net:9092/);
  expect(() => check({ ...SASL, KAFKA_TLS: 'true' })).not.toThrow();
  expect(() => check({ ...SASL, KAFKA_BROKERS: 'localhost:9092,[::1]:9093' })).not.toThrow();
  expect(() => check({ ...SASL, RAVENHELM_LOG: 'memory' })).not.toThrow();
  expect(() => check({ KAFKA_BROKERS: 'redpanda:9092', SCHEMA_REGISTRY_URL: 'http://redpanda:8081' })).not.toThrow();
});

test('in production certificates are checked', () => {
  expect(() => check({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toThrow('NODE_TLS_REJECT_UNAUTHORIZED is 0');
  expect(() => check({ NODE_TLS_REJECT_UNAUTHORIZED: '1' })).not.toThrow();
});
