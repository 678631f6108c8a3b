/** A real broker that lets clients in by SASL_SSL and SCRAM only, checks their rights, and logs each decision. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { askBroker } from '../../src/kafka/ask-broker.js';
import { chooseJava } from '../../src/local/choose-stack.js';
import { answersItself, launchService, logFile, logTail, stopService } from '../../src/local/java-service.js';
import type { KafkaLogOptions } from '../../src/kafka/kafka-log.js';
import { kafkaBroker } from '../../src/local/kafka-broker.js';
import { developmentPlace, type StackPlace } from '../../src/local/stack-place.js';
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
  /** The same as settings of the command line. */
  certificateEnv(subject: string): Promise<Readonly<Record<string, string>>>;
  /** A client certificate of another authority, which this broker does not know. */
  foreignCertificate(
    subject: string,
  ): Promise<{ readonly caFile: string; readonly certFile: string; readonly keyFile: string }>;
  /** host:port of a further listener. */
  door(name: string): string;
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

/** A further way into the broker, which is its own listener. */
export interface Door {
  /** In lower case, without dashes; the listener has it in capitals. */
  readonly name: string;
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** Where it listens; default localhost. */
  readonly host?: string;
  /** What it advertises; default: where it listens. */
  readonly advertised?: string;
  /** Name in the certificate that it shows; default localhost. */
  readonly certifiedFor?: string;
}

export interface SecuredBrokerChoice {
  readonly doors?: readonly Door[];
  /** Settings of server.properties beside, or in place of, those that it has here. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Jars beside Kafka's own. */
  readonly jars?: readonly string[];
}

/** @param users who can log in, beside the super user; none has a right */
export async function startSecuredBroker(
  users: readonly string[],
  { doors = [], settings = {}, jars = [] }: SecuredBrokerChoice = {},
): Promise<SecuredBroker> {
  if (choice.kind !== 'java') throw new Error('there is no Java');
  const own = await temporaryPlace();
  const place = jars.length === 0 ? own : { ...own, jarsDir: await withJars(own, jars) };
  const [internalPort = 0, certificatesPort = 0] = await freePorts(2);
  const { caFile, keyStore } = await makeCertificates(place.dataDir);
  const opened = await openDoors(doors, place.dataDir);
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
    settings: {
      ...withDoors(
        securitySettings({ ...place.ports, internal: internalPort, certificates: certificatesPort }, keyStore, caFile),
        opened,
      ),
      ...settings,
    },
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
    async certificateEnv(subject) {
      const { certFile, keyFile } = await makeClientCertificate(place.dataDir, subject);
      return {
        KAFKA_BROKERS: `localhost:${certificatesPort}`,
        KAFKA_TLS: 'true',
        KAFKA_TLS_CA: caFile,
        KAFKA_TLS_CERT: certFile,
        KAFKA_TLS_KEY: keyFile,
      };
    },
    async foreignCertificate(subject) {
      const dir = join(place.dataDir, `foreign-${randomUUID()}`);
      await mkdir(dir);
      await makeCertificates(dir);
      const { certFile, keyFile } = await makeClientCertificate(dir, subject);
      return { caFile: join(dir, 'ca.pem'), certFile, keyFile };
    },
    door(name) {
      const found = opened.find((each) => each.name === name);
      if (found === undefined) throw new Error(`there is no door ${name}`);
      return `${found.host.includes(':') ? `[${found.host}]` : found.host}:${found.port}`;
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
      await own.remove();
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

/** Kafka's jars and further ones in one directory, as the broker's class path wants them. */
async function withJars({ dataDir, jarsDir }: StackPlace, jars: readonly string[]): Promise<string> {
  const from = join(jarsDir, 'kafka');
  const to = join(dataDir, 'jars/kafka');
  await mkdir(to, { recursive: true });
  const all = [...(await readdir(from)).map((name) => join(from, name)), ...jars.map((jar) => resolve(jar))];
  await Promise.all(all.map((jar) => symlink(jar, join(to, basename(jar)))));
  return dirname(to);
}

interface OpenDoor extends Door {
  readonly host: string;
  readonly port: number;
  readonly keyStore: string | null;
}

async function openDoors(doors: readonly Door[], dir: string): Promise<readonly OpenDoor[]> {
  const ports = await freePorts(doors.length);
  return Promise.all(
    doors.map(async (door, index) => ({
      ...door,
      host: door.host ?? 'localhost',
      port: ports[index] ?? 0,
      keyStore: door.certifiedFor === undefined ? null : await makeBrokerCertificate(dir, door.certifiedFor),
    })),
  );
}

function withDoors(
  settings: Readonly<Record<string, string>>,
  doors: readonly OpenDoor[],
): Readonly<Record<string, string>> {
  const added = (name: string, entryOf: (door: OpenDoor) => string) =>
    [settings[name] ?? '', ...doors.map(entryOf)].join(',');
  const listensAt = ({ host, port }: OpenDoor) => `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const scram = settings['listener.name.clients.scram-sha-512.sasl.jaas.config'] ?? '';
  const own = doors.flatMap(({ name, protocol, keyStore }) => [
    ...(protocol.startsWith('SASL') ? [[`listener.name.${name}.scram-sha-512.sasl.jaas.config`, scram] as const] : []),
    ...(keyStore === null
      ? []
      : ([
          [`listener.name.${name}.ssl.keystore.type`, 'PEM'],
          [`listener.name.${name}.ssl.keystore.location`, keyStore],
        ] as const)),
  ]);
  return {
    ...settings,
    listeners: added('listeners', (door) => `${door.name.toUpperCase()}://${listensAt(door)}`),
    'advertised.listeners': added(
      'advertised.listeners',
      (door) => `${door.name.toUpperCase()}://${door.advertised ?? listensAt(door)}`,
    ),
    'listener.security.protocol.map': added(
      'listener.security.protocol.map',
      ({ name, protocol }) => `${name.toUpperCase()}:${protocol}`,
    ),
    ...Object.fromEntries(own),
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

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const SIGNED = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2'];

/** An authority, and a key with its certificate for localhost, as the broker reads them. */
async function makeCertificates(dir: string): Promise<{ readonly caFile: string; readonly keyStore: string }> {
  const subject = ['-days', '2', '-subj', '/CN=test-ca'];
  await execa('openssl', ['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', ...subject], { cwd: dir });
  return { caFile: join(dir, 'ca.pem'), keyStore: await makeBrokerCertificate(dir, 'localhost') };
}

async function makeBrokerCertificate(dir: string, host: string): Promise<string> {
  const names = host === 'localhost' ? 'DNS:localhost,IP:127.0.0.1,IP:::1' : `DNS:${host}`;
  await writeFile(join(dir, `${host}.cnf`), `subjectAltName=${names}\n`);
  const { cert, key } = await makeCertificate(dir, host, `/CN=${host}`, ['-extfile', `${host}.cnf`]);
  const file = join(dir, `${host}.keystore.pem`);
  await writeFile(file, key + cert + (await readFile(join(dir, 'ca.pem'), 'utf8')));
  return file;
}

export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  readonly caFile: string;
}

/** For a server of this name, with a separate authority. @param dir for their files */
export async function makeServerCertificate(dir: string, host: string): Promise<ServerCertificate> {
  const { caFile } = await makeCertificates(dir);
  await writeFile(join(dir, 'server.cnf'), `subjectAltName=DNS:${host}\n`);
  const { cert, key } = await makeCertificate(dir, 'server', `/CN=${host}`, ['-extfile', 'server.cnf']);
  return { cert, key, caFile };
}

const makeClientCertificate = (dir: string, subject: string) => makeCertificate(dir, `client-${randomUUID()}`, subject);

async function makeCertificate(dir: string, name: string, subject: string, signing: readonly string[] = []) {
  const openssl = (...words: string[]) => execa('openssl', words, { cwd: dir });
  await openssl('req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
  // The serial number: two at once would write one file.
  const serial = ['-set_serial', `0x${randomBytes(8).toString('hex')}`];
  await openssl('x509', '-req', '-in', `${name}.csr`, ...SIGNED, ...serial, ...signing, '-out', `${name}.pem`);
  const [certFile, keyFile] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  return { certFile, keyFile, cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
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
