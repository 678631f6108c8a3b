import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseStack } from '../../src/local/choose-stack.js';
import { findDockerEngine } from '../../src/local/docker-engine.js';
import { findJava } from '../../src/local/java-runtime.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { withProgram } from './stack-fixture.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ravenhelm-choose-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const ENGINE = 'case "$1" in info) echo 27.1.1;; compose) echo 2.29.0;; esac';
const JAVA_17 = 'echo \'openjdk version "17.0.15" 2025-04-15\' >&2';

/** A PATH with only the programs of the test. */
const only = () => ({ PATH: directory });

async function fetchedJars() {
  await mkdir(join(directory, '.ravenhelm/jars/kafka'), { recursive: true });
  await writeFile(join(directory, '.ravenhelm/jars/kafka/kafka_2.13-4.4.0.jar'), '');
  await writeFile(join(directory, '.ravenhelm/jars/complete.json'), '{}');
}

describe('a Docker engine', () => {
  test('answers if it reports its version and has compose', async () => {
    await withProgram(directory, 'docker', ENGINE);
    expect(await findDockerEngine(only())).toEqual({ answers: true });
  });

  test('does not answer behind a docker command without an engine, even if docker info exits 0', async () => {
    await withProgram(directory, 'docker', 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
    expect(await findDockerEngine(only())).toMatchObject({
      answers: false,
      reason: expect.stringContaining('no Docker engine answers'),
    });
    await withProgram(directory, 'docker', 'echo "ERROR: Cannot connect to the Docker daemon" >&2; echo; exit 0');
    expect(await findDockerEngine(only())).toMatchObject({ answers: false });
  });

  test('is not usable without compose', async () => {
    await withProgram(directory, 'docker', 'case "$1" in info) echo 27.1.1;; *) exit 1;; esac');
    expect(await findDockerEngine(only())).toMatchObject({
      answers: false,
      reason: expect.stringContaining('docker compose is missing'),
    });
  });

  test('does not answer without a docker command', async () => {
    expect(await findDockerEngine(only())).toMatchObject({
      answers: false,
      reason: expect.stringContaining('no docker command'),
    });
  });
});

describe('Java', () => {
  test('is taken from JAVA_HOME before PATH', async () => {
    await mkdir(join(directory, 'home/bin'), { recursive: true });
    await withProgram(join(directory, 'home/bin'), 'java', 'echo \'openjdk version "21.0.2"\' >&2');
    await withProgram(directory, 'java', JAVA_17);
    expect(await findJava({ ...only(), JAVA_HOME: join(directory, 'home') })).toEqual({
      found: true,
      java: join(directory, 'home/bin/java'),
      major: 21,
    });
    expect(await findJava(only())).toEqual({ found: true, java: 'java', major: 17 });
  });

  test('older than 17 is not used, and the reason says so', async () => {
    await withProgram(directory, 'java', 'echo \'java version "1.8.0_392"\' >&2');
    expect(await findJava(only())).toEqual({ found: false, reason: 'java is version 8, older than 17' });
  });

  test('that only prints how to install it is not used', async () => {
    await withProgram(
      directory,
      'java',
      'echo "The operation couldn’t be completed. Unable to locate a Java Runtime." >&2; exit 1',
    );
    expect(await findJava(only())).toEqual({ found: false, reason: 'Java is not installed' });
  });
});

describe('the choice', () => {
  test('is Docker if an engine answers, even if Java is installed', async () => {
    await withProgram(directory, 'docker', ENGINE);
    await withProgram(directory, 'java', JAVA_17);
    await fetchedJars();
    expect(await chooseStack(developmentPlace(directory), only())).toEqual({ kind: 'docker' });
  });

  test('is Java if no engine answers and the jars exist', async () => {
    await withProgram(directory, 'docker', 'exit 1');
    await withProgram(directory, 'java', JAVA_17);
    await fetchedJars();
    expect(await chooseStack(developmentPlace(directory), only())).toEqual({ kind: 'java', java: 'java' });
  });

  test('is none without the jars, with the advice to run setup', async () => {
    await withProgram(directory, 'java', JAVA_17);
    expect(await chooseStack(developmentPlace(directory), only())).toEqual({
      kind: 'none',
      reason: 'there is no docker command, and the jars of Kafka and its registry are missing',
      howToGetOne: 'npm run setup',
    });
  });

  test('is none in a project, which has no setup, with advice that works there', async () => {
    await withProgram(directory, 'java', JAVA_17);
    const place = developmentPlace(directory, join(directory, 'node_modules/ravenhelm'));
    expect(await chooseStack(place, only())).toMatchObject({
      kind: 'none',
      howToGetOne: 'start Docker, or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL',
    });
  });

  test('is none without Docker and Java, with the advice what to install', async () => {
    const choice = await chooseStack(developmentPlace(directory), only());
    expect(choice).toMatchObject({ kind: 'none', reason: 'there is no docker command, and Java is not installed' });
    expect(choice).toMatchObject({ howToGetOne: expect.stringMatching(/Docker.*Java 17 and Maven.*npm run setup/) });
  });
});
