import { join } from 'node:path';

import type { JavaService } from './java-service.js';
import { askRegistry } from './readiness.js';
import { registryUrlOf, type StackPlace } from './stack-place.js';

/** The Apicurio registry on the loopback address; a file keeps its schemas and their ids. */
export function registryServer(place: StackPlace): JavaService {
  const registryDir = join(place.jarsDir, 'registry');
  return {
    name: 'registry',
    title: `Apicurio Registry on localhost:${place.ports.registry}`,
    ports: [place.ports.registry],
    javaArguments: [
      '-Xms64m',
      '-Xmx384m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1', // few requests: full optimisation would only delay the start by a second
      '-XX:+ExitOnOutOfMemoryError',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${place.ports.registry}`,
      '-Dquarkus.log.level=WARN',
      '-Dquarkus.http.access-log.enabled=false',
      '-Dapicurio.storage.kind=sql',
      '-Dapicurio.storage.sql.kind=h2',
      `-Dapicurio.datasource.url=jdbc:h2:file:${join(place.dataDir, 'registry/schemas')}`,
      '-cp',
      `${join(registryDir, '*')}:${join(registryDir, 'lib', '*')}`,
      'io.quarkus.runner.GeneratedMain',
    ],
    prepare: async () => {},
    ask: () => askRegistry(registryUrlOf(place, 'java')),
  };
}
