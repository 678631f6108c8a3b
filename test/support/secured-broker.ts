/** A real broker that lets clients in by SASL_SSL and SCRAM only, checks their rights, and logs each decision. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { askBroker } from '../../src/kafka/ask-broker.js';
import { chooseJava } from '../../src/local/choose-stack.js';
import { answersItself, launchService, logFile, logTail, stopService } from '../../src/local/java-service.js';
import type { KafkaLogOptions } from '../../src/kafka/kafka-log.js';
import { kafkaBroker } from '../../src/local/kafka-broker.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { until } from '../contract/until.js';
import { freePorts, temporaryPlace, world } from '../local/stack-fixture.js';

const choice = await chooseJava(developmentPlace(resolve('.')), world.env, 'this test starts a separate broker');

/** describe() for tests with such a broker and the tests' registry. */
export const describeWithSecuredBroker = (name: string, body: () => void): void => {
  if (choice.kind === 'java' && process.env['RAVENHELM_TEST_BROKERS'] !== undefined) describe(name, body);
  else describe.skip(`${name} [no Java, or no broker]`, body);
};

/** One decision of the broker's authorizer, in its own words. */
export interface Decision {
  readonly principal: string;
  readonly allowed: boolean;
  readonly operation: string;
  /** Such as Topic:LITERAL:ravenhelm.squad.status. */
  readonly resource: string;
  /** Name of the request, such as Fetch. */
  readonly request: string;
  /** The rule by which it was decided; null where there was none. */
  readonly rule: {
    readonly type: string;
    readonly name: string;
    readonly pattern: string;
    readonly operation: string;
  } | null;
}

export interface SecuredBroker {
  readonly brokers: readonly string[];
  /** A file with the authority's certificate. */
  readonly caFile: string;
  /** How a log of this project enters as this user. */
  access(user: string): Pick<KafkaLogOptions, 'brokers' | 'sasl' | 'tls'>;
  /**
   * How a log enters with a client certificate, which the authority has signed, in place of a password.
   * @param subject as openssl has it, such as /O=Example/CN=orchestrator
   */
  certificateAccess(subject: string): Promise<Pick<KafkaLogOptions, 'brokers' | 'tls'>>;
  /** Settings with which the command line enters as this user. */
  env(user: string): Readonly<Record<string, string>>;
  /** A client of another program, connected as this user. */
  client(user: string): Kafka;
  /** The super user's. */
  readonly admin: Admin;
  /** The authorizer's decisions so far, in order. */
  decisions(): Promise<readonly Decision[]>;
  stop(): Promise<void>;
}

export const SUPER_USER = 'admin';

/** @param users who can log in, beside the super user; none has a right */
export async function startSecuredBroker(users: readonly string[]): Promise<SecuredBroker> {
  if (choice.kind !== 'java') throw new Error('there is no Java');
  const place = await temporaryPlace();
  const [internalPort = 0, certificatesPort = 0] = await freePorts(2);
  const { caFile, keyStore } = await makeCertificates(place.dataDir);
  const passwords = new Map([SUPER_USER, ...users].map((user) => [user, randomBytes(12).toString('hex')]));
  const passwordOf = (user: string) => passwords.get(user) ?? 'wrong';
  const brokerWorld = { ...world, askBroker: () => askBroker([`localhost:${internalPort}`]) };
  const plain = kafkaBroker(place, brokerWorld, {
    id: 1,
    voters: [`1@localhost:${place.ports.controller}`],
    internalPort,
    advertisedPort: place.ports.broker,
    replicas: 1,
    minInSyncReplicas: 1,
    heapMb: 256,
    settings: securitySettings(
      { ...place.ports, internal: internalPort, certificates: certificatesPort },
      keyStore,
      caFile,
    ),
    formatArguments: [...passwords].flatMap(([name, password]) => [
      '--add-scram',
      `SCRAM-SHA-512=[name=${name},password=${password},iterations=4096]`,
    ]),
  });
  const logging = join(place.dataDir, 'log4j2.xml');
  await writeFile(logging, LOGGING);
  const javaArguments = plain.javaArguments.map((argument) =>
    argument.startsWith('-Dlog4j2.configurationFile=') ? `-Dlog4j2.configurationFile=${logging}` : argument,
  );
  const service = { ...plain, javaArguments };
  await service.prepare(choice.java, world.env);
  await launchService(place, service, choice.java, world.env);
  await until('the broker answers', () => answersItself(place, service), 180_000).catch(async (error: unknown) => {
    throw new Error(`${String(error)}:\n${await logTail(place, service.name, 15)}`);
  });
  const brokers = [`localhost:${place.ports.broker}`];
  const ca = await readFile(caFile, 'utf8');
  const client = (user: string) =>
    new Kafka({
      brokers,
      clientId: `test-${user}`,
      logLevel: logLevel.NOTHING,
      connectionTimeout: 30_000,
      retry: { retries: 0 },
      ssl: { ca },
      sasl: { mechanism: 'scram-sha-512', username: user, password: passwordOf(user) },
    });
  const admin = client(SUPER_USER).admin();
  await admin.connect();
  return {
    brokers,
    caFile,
    client,
    access: (user) => ({
      brokers,
      tls: { ca },
      sasl: { mechanism: 'scram-sha-512', username: user, password: passwordOf(user) },
    }),
    async certificateAccess(subject) {
      const { cert, key } = await makeClientCertificate(place.dataDir, subject);
      return { brokers: [`localhost:${certificatesPort}`], tls: { ca, cert, key } };
    },
    admin,
    env: (user) => ({
      KAFKA_BROKERS: brokers.join(','),
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA: caFile,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: user,
      KAFKA_SASL_PASSWORD: passwordOf(user),
    }),
    decisions: async () => decisionsIn(await readFile(logFile(place, 'broker'), 'utf8')),
    async stop() {
      await admin.disconnect();
      await stopService(place, service, brokerWorld);
      await place.remove();
    },
  };
}

/** Brokers and controllers talk among themselves without a login, as ANONYMOUS, on ports that clients do not know. */
function securitySettings(
  ports: Readonly<Record<'broker' | 'controller' | 'internal' | 'certificates', number>>,
  keyStore: string,
  caFile: string,
): Readonly<Record<string, string>> {
  const { broker, controller } = ports;
  const internal = `INTERNAL://localhost:${ports.internal},CERTIFICATES://localhost:${ports.certificates}`;
  return {
    listeners: `CLIENTS://localhost:${broker},${internal},CONTROLLER://localhost:${controller}`,
    'advertised.listeners': `CLIENTS://localhost:${broker},${internal}`,
    'listener.security.protocol.map': 'CLIENTS:SASL_SSL,CERTIFICATES:SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'listener.name.certificates.ssl.client.auth': 'required',
    'listener.name.certificates.ssl.truststore.type': 'PEM',
    'listener.name.certificates.ssl.truststore.location': caFile,
    'inter.broker.listener.name': 'INTERNAL',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.clients.scram-sha-512.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keyStore,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:${SUPER_USER};User:ANONYMOUS`,
    'allow.everyone.if.no.acl.found': 'false',
  };
}

const LOGGING = `<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console></Appenders>
  <Loggers>
    <Logger name="kafka.authorizer.logger" level="DEBUG"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
`;

/** An authority, and a key with its certificate for localhost, as the broker reads them. */
async function makeCertificates(dir: string): Promise<{ readonly caFile: string; readonly keyStore: string }> {
  const at = (name: string) => join(dir, name);
  const openssl = (...words: string[]) => execa('openssl', words, { cwd: dir });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test-ca');
  await openssl('req', ...newKey, '-keyout', 'broker.key', '-out', 'broker.csr', '-subj', '/CN=localhost');
  await writeFile(at('san.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san.cnf', '-days', '2'];
  await openssl('x509', '-req', '-in', 'broker.csr', ...signing, '-out', 'broker.pem');
  const parts = await Promise.all(['broker.key', 'broker.pem', 'ca.pem'].map((name) => readFile(at(name), 'utf8')));
  await writeFile(at('keystore.pem'), parts.join(''));
  return { caFile: at('ca.pem'), keyStore: at('keystore.pem') };
}

async function makeClientCertificate(dir: string, subject: string) {
  const name = `client-${randomUUID()}`;
  const openssl = (...words: string[]) => execa('openssl', words, { cwd: dir });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
  await openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.pem`);
  const [cert, key] = await Promise.all(['pem', 'key'].map((end) => readFile(join(dir, `${name}.${end}`), 'utf8')));
  return { cert: cert ?? '', key: key ?? '' };
}

const DECISION = new RegExp(
  'Principal = User:(\\S+) is (Allowed|Denied) operation = (\\w+) from host = \\S+ ' +
    'on resource = (\\S+) for request = (\\w+) .*? based on rule (.*)$',
);
const RULE = /resourceType=(\w+), resourceName=(.*?), patternType=(\w+), .*? operation=(\w+), permissionType=/;

function decisionsIn(text: string): readonly Decision[] {
  return text.split('\n').flatMap((line) => {
    const [, principal, verdict, operation, resource, request, by] = DECISION.exec(line) ?? [];
    if (principal === undefined || operation === undefined || resource === undefined || request === undefined)
      return [];
    const [, type = '', name = '', pattern = '', ruled] = RULE.exec(by ?? '') ?? [];
    const rule =
      ruled === undefined ? null : { type: type.toLowerCase(), name, pattern: pattern.toLowerCase(), operation: ruled };
    return [{ principal, allowed: verdict === 'Allowed', operation, resource, request, rule }];
  });
}

export const uniquePrefix = (name: string): string => `${name}.${randomUUID().slice(0, 8)}`;
