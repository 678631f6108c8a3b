import { readFile } from 'node:fs/promises';

import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { parse } from 'yaml';

const BOOTSTRAP = new URL('../../local-stack/redpanda-bootstrap.yaml', import.meta.url);

/** One Redpanda with its schema registry, of the version that docker-compose.redpanda.yml pins. */
export async function startRedpanda([brokerPort]) {
  const host = (await getContainerRuntimeClient()).info.containerRuntime.host;
  const container = await new GenericContainer(await pinnedImage())
    // The address that a broker advertises must be known before it starts, hence a chosen host port.
    .withExposedPorts({ container: 9092, host: brokerPort }, 8081)
    .withCommand([
      'redpanda',
      'start',
      '--node-id=0',
      '--smp=1',
      '--memory=1G',
      '--reserve-memory=0M',
      '--overprovisioned',
      '--check=false',
      '--kafka-addr=PLAINTEXT://0.0.0.0:9092',
      `--advertise-kafka-addr=PLAINTEXT://${host}:${brokerPort}`,
      '--schema-registry-addr=0.0.0.0:8081',
    ])
    .withCopyContentToContainer([
      { content: await readFile(BOOTSTRAP, 'utf8'), target: '/etc/redpanda/.bootstrap.yaml' },
    ])
    .withWaitStrategy(Wait.forHttp('/subjects', 8081).forStatusCode(200))
    .withStartupTimeout(180_000)
    .start();
  return {
    kind: 'docker',
    brokers: [`${host}:${brokerPort}`],
    registryUrl: `http://${host}:${container.getMappedPort(8081)}`,
    async stop() {
      await container.stop();
    },
  };
}

async function pinnedImage() {
  const compose = parse(await readFile(new URL('../../docker-compose.redpanda.yml', import.meta.url), 'utf8'));
  return compose.services.redpanda.image;
}
