import { hostAndPort } from '../domain/network.js';
import { isLoopback } from '../telemetry/http-address.js';
import { wrongConfiguration } from './cli-error.js';
import type { Config } from './setting-origin.js';
import { howToUnset } from './setting-place.js';
import { SETTINGS, type SettingName, type Settings } from './settings.js';

/** Settings that mean something only together. Throws CliError (exit 2) that names what is missing. */
export function checkTogether(config: Config): void {
  const { values } = config;
  // On the in-memory log no broker is used, so a half of its settings does no harm.
  if (values.RAVENHELM_LOG !== 'memory') {
    needsCluster(config, 'KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL');
    needsCluster(config, 'SCHEMA_REGISTRY_URL', 'KAFKA_BROKERS');
  }
  const needs = (given: SettingName, needed: SettingName) => {
    if (isAlone(values, given, needed))
      throw wrongConfiguration(
        `${given} is set (from ${placeOf(config, given)}), but ${needed} is not`,
        `Set ${needed} to ${SETTINGS[needed].expected}, or take ${given} away.`,
      );
  };
  needs('KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME');
  needs('KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD');
  needs('KAFKA_SASL_PASSWORD', 'KAFKA_SASL_MECHANISM');
  needs('SCHEMA_REGISTRY_USERNAME', 'SCHEMA_REGISTRY_PASSWORD');
  for (const file of ['KAFKA_TLS_CA', 'KAFKA_TLS_CERT', 'KAFKA_TLS_KEY'] as const) needs(file, 'KAFKA_TLS');
  needs('KAFKA_TLS_CERT', 'KAFKA_TLS_KEY');
  needs('KAFKA_TLS_KEY', 'KAFKA_TLS_CERT');
  needs('RAVENHELM_HTTP_ADVERTISE', 'RAVENHELM_HTTP');
  needs('LANGFUSE_PUBLIC_KEY', 'LANGFUSE_SECRET_KEY');
  needs('LANGFUSE_SECRET_KEY', 'LANGFUSE_PUBLIC_KEY');
  needsToken(config);
}

/** Only this computer may ask without a token. */
function needsToken(config: Config): void {
  const { RAVENHELM_HTTP: address, RAVENHELM_HTTP_TOKEN: token } = config.values;
  if (address === null || token !== null || isLoopback(address.host)) return;
  throw wrongConfiguration(
    `RAVENHELM_HTTP is ${hostAndPort(address)} (from ${placeOf(config, 'RAVENHELM_HTTP')}), which other computers ` +
      'can reach, but RAVENHELM_HTTP_TOKEN is not set',
    `Set RAVENHELM_HTTP_TOKEN to ${SETTINGS.RAVENHELM_HTTP_TOKEN.expected}; or use 127.0.0.1:${address.port}.`,
  );
}

/** One of the two names a cluster, so Kafka is meant: the in-memory log is used only on request. */
function needsCluster(config: Config, given: SettingName, needed: SettingName): void {
  if (!isAlone(config.values, given, needed)) return;
  throw wrongConfiguration(
    `${given} is set (from ${placeOf(config, given)}), but ${needed} is not; Kafka needs both`,
    [
      `To use that cluster: set ${needed} to ${SETTINGS[needed].expected}.`,
      `To use the local stack, which has both: ${startedLow(howToUnset(config, given))}, then npx ravenhelm stack up.`,
      'To do without a broker, in this process only: --log memory.',
    ].join('\n'),
  );
}

function isAlone(values: Settings, given: SettingName, needed: SettingName): boolean {
  return isSet(values[given]) && !isSet(values[needed]);
}

function isSet(value: Settings[SettingName]): boolean {
  return value !== null && value !== false;
}

function placeOf({ origins }: Config, name: SettingName): string {
  return origins.find((origin) => origin.name === name)?.place ?? name;
}

const startedLow = (words: string): string => `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
