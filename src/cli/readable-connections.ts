import { isLoopback } from '../telemetry/http-address.js';
import { wrongConfiguration } from './cli-error.js';
import type { Config } from './setting-origin.js';

/**
 * In production (NODE_ENV): who can read or change what the swarm and its broker say to each other can do what the
 * broker's user may. Throws CliError (exit 2). Where a broker needs no user, as in the compose file, every client
 * that reaches it may use it, with TLS or without.
 */
export function refuseReadableConnections({ values }: Config, env: Readonly<Record<string, string | undefined>>): void {
  const { KAFKA_BROKERS: brokers, KAFKA_SASL_USERNAME: user, KAFKA_TLS: tls, RAVENHELM_LOG: log } = values;
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
    throw wrongConfiguration(
      'NODE_TLS_REJECT_UNAUTHORIZED is 0, and NODE_ENV is production: no certificate would be checked',
      'Take it away. For a private certificate authority set KAFKA_TLS_CA, or NODE_EXTRA_CA_CERTS.',
    );
  if (log === 'memory' || user === null || tls) return;
  const far = brokers?.find((address) => !isLoopback(hostOf(address)));
  if (far === undefined) return;
  throw wrongConfiguration(
    `KAFKA_SASL_USERNAME is set and KAFKA_TLS is not, and NODE_ENV is production: others could read or change what ` +
      `is said to ${far}`,
    'Set KAFKA_TLS to true, and KAFKA_BROKERS to addresses with TLS.',
  );
}

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
