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

/** A PATH that holds only what the test put there. */
const only = () => ({ PATH: directory });

async function fetchedJars() {
  await mkdir(join(directory, '.ravenhelm/jars/kafka'), { recursive: true });
  await writeFile(join(directory, '.ravenhelm/jars/kafka/kafka_2.13-4.4.0.jar'), '');
  await writeFile(join(directory, '.ravenhelm/jars/complete.json'), '{}');
}

describe('a Docker engine', () => {
  test('answers when it tells its version and has compose', async () => {
    await withProgram(directory, 'docker', ENGINE);
    expect(await findDockerEngine(only())).toEqual({ answers: true });
  });

  test('a docker command without an engine behind it is none, also where docker info exits 0', async () => {
    await withProgram(directory, 'docker', 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
    expect(await findDockerEngine(only())).toMatchObject({
      answers: false,
      reason: expect.stringContaining('no engine that answers'),
    });
    await withProgram(directory, 'docker', 'echo "ERROR: Cannot connect to the Docker daemon" >&2; echo; exit 0');
    expect(await findDockerEngine(only())).toMatchObject({ answers: false });
  });

  test('an engine without compose is none', async () => {
    await withProgram(directory, 'docker', 'case "$1" in info) echo 27.1.1;; *) exit 1;; esac');
    expect(await findDockerEngine(only())).toMatchObject({
      answers: false,
      reason: expect.stringContaining('docker compose is missing'),
    });
  });

  test('no docker command is none', async () => {
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

  test('older than 17 is none, and the reason says so', async () => {
    await withProgram(directory, 'java', 'echo \'java version "1.8.0_392"\' >&2');
    expect(await findJava(only())).toEqual({ found: false, reason: 'java is version 8, older than 17' });
  });

  test('a java that only says where to get one is none', async () => {
    await withProgram(
      directory,
      'java',
      'echo "The operation couldn’t be completed. Unable to locate a Java Runtime." >&2; exit 1',
    );
    expect(await findJava(only())).toEqual({ found: false, reason: 'there is no java' });
  });
});

describe('the choice', () => {
  test('is Docker where an engine answers, even with Java there', async () => {
    await withProgram(directory, 'docker', ENGINE);
    await withProgram(directory, 'java', JAVA_17);
    await fetchedJars();
    expect(await chooseStack(developmentPlace(directory), only())).toEqual({ kind: 'docker' });
  });

  test('is Java where no engine answers and the jars are there', async () => {
    await withProgram(directory, 'docker', 'exit 1');
    await withProgram(directory, 'java', JAVA_17);
    await fetchedJars();
    expect(await chooseStack(developmentPlace(directory), only())).toEqual({ kind: 'java', java: 'java' });
  });

  test('is none without the jars, and setup gets them', async () => {
    await withProgram(directory, 'java', JAVA_17);
    expect(await chooseStack(developmentPlace(directory), only())).toEqual({
      kind: 'none',
      reason: 'there is no docker command, and the jars of Kafka and its registry are not there',
      howToGetOne: 'npm run setup',
    });
  });

  test('is none without Docker and Java, and says what to install', async () => {
    const choice = await chooseStack(developmentPlace(directory), only());
    expect(choice).toMatchObject({ kind: 'none', reason: 'there is no docker command, and there is no java' });
    expect(choice).toMatchObject({ howToGetOne: expect.stringMatching(/Docker.*Java 17 and Maven.*npm run setup/) });
  });
});
