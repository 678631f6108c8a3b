/** Why no broker let this client in, for the person who has set where and how. */
import { describeError, rootCause } from '../domain/describe-error.js';
import { plainTlsWords, tlsFaultOf, type TlsFault } from '../domain/tls-faults.js';
import { addressOf, askListener, type Listener } from './ask-listener.js';
import { BrokerRefused, BrokerUnreachable, protocolErrorType } from './errors.js';
import { readable } from './ipv6-hosts.js';
import type { ClusterOptions } from './kafka-client.js';

type Entry = Pick<ClusterOptions, 'brokers' | 'sasl' | 'tls'>;
/** What the words say behind "The Kafka broker at …", and what to do about it. */
type Refusal = readonly [words: string, nextStep: string];

const SASL_SETTINGS = 'KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD';

/** A connection error with what to do about it. It asks the broker again where the error does not say enough. */
export async function brokerUnreachable(entry: Entry, error: unknown): Promise<BrokerUnreachable | BrokerRefused> {
  const where = brokerOf(error) ?? entry.brokers.map(readable).join(', ');
  const advertised = isAdvertised(entry, error);
  const code = fieldOf(error, 'code');
  const refusal =
    refusedLogin(error) ?? refusedTls(entry, error, advertised) ?? (await askedAgain(entry, error)) ?? null;
  if (refusal !== null) return new BrokerRefused(where, ...refusal, { cause: error });
  if (advertised !== null) return unreachableAdvertised(entry, advertised, error);
  const reason = plainWords(error);
  return new BrokerUnreachable(entry.brokers.map(readable), reason, nextStepOf(code), { cause: error });
}

/** Only where nothing listens there may be none. */
function nextStepOf(code: unknown): string {
  if (code === 'ECONNREFUSED')
    return 'Start one (npx ravenhelm stack up, and unset KAFKA_BROKERS), or correct KAFKA_BROKERS';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'Correct KAFKA_BROKERS, or run where that name is known';
  return 'Look at the broker and at what is between, or correct KAFKA_BROKERS';
}

function refusedLogin(error: unknown): Refusal | null {
  if (nameOf(error) === 'KafkaJSSASLAuthenticationError')
    return [`refuses this user: ${plainWords(error)}`, 'Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'];
  return null;
}

function refusedTls(entry: Entry, error: unknown, advertised: string | null): Refusal | null {
  const fault = tlsFaultOf(rootCause(error));
  return fault === null ? null : [tlsWords(fault, error), tlsStep(fault, entry, advertised)];
}

function tlsWords(fault: TlsFault, error: unknown): string {
  switch (fault) {
    case 'untrusted':
      return `has a certificate that this process does not trust: ${plainWords(error)}`;
    case 'wrong_name':
      return `has a certificate for another name: ${plainWords(error)}`;
    case 'out_of_date':
      return `has a certificate that does not count today: ${plainWords(error)}`;
    case 'no_tls':
      return 'does not speak TLS';
    case 'client_certificate':
      return `wants a client certificate: ${plainWords(error)}`;
  }
}

function tlsStep(fault: TlsFault, { tls }: Entry, advertised: string | null): string {
  const given = typeof tls === 'object' ? tls : {};
  switch (fault) {
    case 'untrusted':
      return given.ca === undefined
        ? 'Set KAFKA_TLS_CA to a file with the certificate of the authority that has signed it'
        : 'Correct KAFKA_TLS_CA: the broker has its certificate from another authority';
    case 'wrong_name':
      return advertised === null
        ? 'Set KAFKA_BROKERS to a name in the certificate, or give the broker one for this name'
        : "Correct the broker's advertised.listeners, or give it a certificate for this name";
    case 'out_of_date':
      return "Renew the broker's certificate, or correct the clock of this computer";
    case 'no_tls':
      return 'Unset KAFKA_TLS, or set KAFKA_BROKERS to a listener with TLS';
    case 'client_certificate':
      return given.cert === undefined
        ? 'Set KAFKA_TLS_CERT and KAFKA_TLS_KEY to the files of a certificate that the broker trusts'
        : 'Correct KAFKA_TLS_CERT and KAFKA_TLS_KEY: the broker trusts other authorities, or the certificate has ' +
            'expired';
  }
}

/** A connection that was closed, or that brought what is no answer, says nothing: what listens there does. */
async function askedAgain(entry: Entry, error: unknown): Promise<Refusal | null> {
  if (!isUnexplained(error)) return null;
  const address = addressOf(brokerOf(error) ?? readable(entry.brokers[0] ?? ''));
  return address === null ? null : refusalBy(await askListener(address, entry.tls), entry);
}

/** Codes that say enough: a name that is unknown, or a port where nothing answers. */
const EXPLAINED = new Set<unknown>(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ETIMEDOUT']);
const ABOUT_LOGIN = new Set<unknown>(['UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE']);

function isUnexplained(error: unknown): boolean {
  const type = protocolErrorType(error);
  if (type !== null) return ABOUT_LOGIN.has(type);
  return !EXPLAINED.has(fieldOf(error, 'code'));
}

function refusalBy(listener: Listener, { sasl, tls }: Entry): Refusal | null {
  switch (listener.kind) {
    case 'http':
      return ['is a web server (HTTP), no Kafka broker', 'Correct KAFKA_BROKERS'];
    case 'tls':
      return tls === undefined ? ['speaks TLS only', 'Set KAFKA_TLS to true'] : null;
    case 'unknown':
      return null;
    case 'kafka':
      break;
  }
  if (listener.tls && tls === undefined) return ['speaks TLS only', 'Set KAFKA_TLS to true'];
  if (!listener.tls && tls !== undefined) return [tlsWords('no_tls', null), tlsStep('no_tls', { brokers: [] }, null)];
  const { mechanisms } = listener;
  if (mechanisms === null)
    return sasl === undefined
      ? null
      : [
          'takes no login (SASL) on this listener',
          `Unset ${SASL_SETTINGS}, or set KAFKA_BROKERS to a listener with SASL`,
        ];
  const offered = mechanisms.join(', ');
  if (sasl === undefined) return [`wants a login (SASL: ${offered})`, `Set ${SASL_SETTINGS}`];
  if (mechanisms.includes(sasl.mechanism.toUpperCase())) return null;
  return [
    `does not take the SASL mechanism ${sasl.mechanism.toUpperCase()}; it takes ${offered}`,
    'Correct KAFKA_SASL_MECHANISM',
  ];
}

/** The broker was there and has named itself by an address that this computer cannot use. */
function unreachableAdvertised({ brokers }: Entry, advertised: string, error: unknown): BrokerUnreachable {
  const words = `advertises itself as ${advertised}, which this computer cannot reach: ${plainWords(error)}`;
  const nextStep =
    "Set the broker's advertised.listeners to an address that its clients reach, or run where that one is reached";
  // It may pass, an unknown name, too: that of a container or a pod is unknown while its broker restarts.
  return new BrokerUnreachable(brokers.map(readable), `it ${words}`, nextStep, { cause: error });
}

/** host:port of the broker where that is none of the settings', but one that another broker has named; else null. */
function isAdvertised({ brokers }: Entry, error: unknown): string | null {
  const broker = brokerOf(error);
  return broker === null || brokers.some((known) => readable(known) === broker) ? null : broker;
}

function brokerOf(error: unknown): string | null {
  const broker = fieldOf(error, 'broker');
  return typeof broker === 'string' ? readable(broker) : null;
}

/** Without what kafkajs and OpenSSL put around the words. */
function plainWords(error: unknown): string {
  return plainTlsWords(describeError(error).replace(/^Connection error: /, ''));
}

function nameOf(error: unknown): string {
  const root = rootCause(error);
  return root instanceof Error ? root.name : '';
}

function fieldOf(error: unknown, name: string): unknown {
  const root = rootCause(error);
  return root instanceof Error ? Reflect.get(root, name) : undefined;
}
