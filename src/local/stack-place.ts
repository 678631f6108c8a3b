import { join, resolve } from 'node:path';

import type { Clock, Ids } from '../ports/clock.js';

/** The directories and ports of a stack. Stacks with different ports and dataDir are independent of each other. */
export interface StackPlace {
  /** The clone or project that the stack belongs to; absolute. */
  readonly cloneDir: string;
  /** Where docker-compose.redpanda.yml and local-stack/ lie: the clone, or the installed package; absolute. */
  readonly packageDir: string;
  /** Data, logs, pids and the start lock; absolute. */
  readonly dataDir: string;
  /** The files that `npm run setup` fetched with Maven: kafka/*.jar and registry/. */
  readonly jarsDir: string;
  /** All on the loopback address. */
  readonly ports: StackPorts;
}

export interface StackPorts {
  readonly broker: number;
  /** Port of the Java stack's KRaft controller; Redpanda needs none. */
  readonly controller: number;
  readonly registry: number;
}

const DEFAULT_PORTS: StackPorts = { broker: 19092, controller: 19093, registry: 18081 };

/** The one development stack of a clone, or of a project that has the package installed or linked. */
export function developmentPlace(cloneDir: string, packageDir = cloneDir): StackPlace {
  const clone = resolve(cloneDir); // no trailing slash: the name is part of the processes' command lines
  return {
    cloneDir: clone,
    packageDir: resolve(packageDir),
    dataDir: join(clone, '.ravenhelm/stack'),
    jarsDir: join(resolve(packageDir), '.ravenhelm/jars'),
    ports: DEFAULT_PORTS,
  };
}

/** The environment of this layer. */
export interface StackWorld {
  /** Environment variables to find and start docker and java (PATH, JAVA_HOME, DOCKER_HOST). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The cluster's id if a broker answers and accepts requests; null if it does not (yet). Never rejects. */
  askBroker(brokers: readonly string[]): Promise<string | null>;
}

export function brokersOf(place: StackPlace): readonly string[] {
  return [`localhost:${place.ports.broker}`];
}

/** Address of the registry's Confluent API. */
export function registryUrlOf(place: StackPlace, kind: 'docker' | 'java'): string {
  const origin = `http://localhost:${place.ports.registry}`;
  return kind === 'docker' ? origin : `${origin}/apis/ccompat/v7`;
}
